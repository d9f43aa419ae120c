"""What identity's tests share: keys that sign, mails in a list, people with accounts."""

from __future__ import annotations

import re

import pytest
from auth_jwt import keys
from django.core import mail
from django.utils import timezone
from identity import tokens
from identity.models import User

PASSWORD = "correct-horse-7-battery"


@pytest.fixture
def client(db, eager_tasks):
    """DRF's client; the service's own keys verify what it signs."""
    from rest_framework.test import APIClient

    tokens.new_signing_key(timezone.now())
    keys.keep({"keys": tokens.published_keys(timezone.now())})
    return APIClient()


@pytest.fixture
def shopper(db) -> User:
    return User.objects.create_user("mira@example.com", PASSWORD, name="Mira", status="active")


@pytest.fixture
def login(client):
    def log_in(email="mira@example.com", password=PASSWORD, **extra):
        return client.post("/api/v1/auth/token", {"email": email, "password": password, **extra})

    return log_in


@pytest.fixture
def bearer_of(login):
    """The header of a fresh login."""

    def header(**who):
        return {"Authorization": f"Bearer {login(**who).json()['access']}"}

    return header


def mailed_code() -> str:
    """The eight digits in the last mail."""
    return re.search(r"\b(\d{8})\b", mail.outbox[-1].body)[1]
