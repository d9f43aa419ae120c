"""Operators' pages: everything can be read, nothing can be written by hand, a difference is resolved with a reason."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from payments.models import Difference, LedgerEntry, LedgerPosting, SettlementReport, Violation

PAGES = [
    *("payment", "provideroperation", "refund", "dispute", "webhookevent", "ledgerposting", "ledgerentry"),
    *("settlementreport", "settlementline", "difference", "violation"),
]


@pytest.fixture
def operator(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ada", "ada@example.com", uuid4().hex))
    return client


@pytest.fixture
def difference(purchase) -> Difference:
    purchase.pay("tok_success").say("confirmed", repeat=0)
    report = SettlementReport.objects.create(provider="sandbox", day=timezone.now().date())
    return Difference.objects.create(
        about="missing:sandbox:captured:1",
        kind="missing",
        report=report,
        payment=purchase.payment,
        booked_minor=12999,
        currency="EUR",
        detail="the provider does not report it",
        found_at=timezone.now(),
    )


def test_every_page_opens_and_none_offers_to_write(operator, difference):
    Violation.objects.create(invariant="I8", about="x", detail="y", found_at=timezone.now())
    for page in PAGES:
        assert operator.get(reverse(f"admin:payments_{page}_changelist")).status_code == 200, page
        assert operator.get(reverse(f"admin:payments_{page}_add")).status_code == 403, page
    for row in (difference.payment, difference, LedgerPosting.objects.first(), LedgerEntry.objects.first()):
        change, delete = (
            reverse(f"admin:payments_{row._meta.model_name}_{what}", args=[row.pk]) for what in ("change", "delete")
        )
        assert operator.get(change).status_code == 200
        assert operator.post(change, {"amount_minor": 1}).status_code == 403
        assert operator.post(delete, {"post": "yes"}).status_code == 403


def resolve(operator, difference, why: str):
    form = {"action": "resolve", "_selected_action": [str(difference.pk)], "why": why}
    return operator.post(reverse("admin:payments_difference_changelist"), form, follow=True)


def test_a_difference_is_resolved_by_saying_why(operator, difference):
    assert "Say why in the field beside the action." in resolve(operator, difference, " ").content.decode()
    difference.refresh_from_db()
    assert difference.resolved_at is None

    resolve(operator, difference, "the bank was closed")

    difference.refresh_from_db()
    assert (difference.resolved_by, difference.resolution) == ("ada", "the bank was closed")
    assert LogEntry.objects.get().change_message == "resolved: the bank was closed"
    assert "It was resolved by ada" in resolve(operator, difference, "again").content.decode()
    assert timezone.now() - difference.resolved_at < timedelta(minutes=1)
