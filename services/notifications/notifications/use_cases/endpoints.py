"""Merchants' endpoints as staff keep them: where, of what, signed with which secret."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.problems import NotFound
from chassis.views import require_match
from django.db import transaction
from rest_framework.request import Request

from notifications.domain.webhooks import ROTATION, new_secret
from notifications.models import WebhookEndpoint


def add_endpoint(*, url: str, description: str, events: list[str]) -> WebhookEndpoint:
    """A new endpoint with a secret of its own, active at once."""
    secret = new_secret(secrets.token_bytes(32))
    return WebhookEndpoint.objects.create(url=url, description=description, events=events, secret=secret)


def change_endpoint(*, endpoint_id: UUID, changes: dict[str, Any], request: Request) -> WebhookEndpoint:
    """Another address, other events, on or off; turned on or moved, it is tried again at once. Raises NotFound, 412."""
    with transaction.atomic(savepoint=False):
        endpoint = _locked(endpoint_id, request)
        for name, value in changes.items():
            setattr(endpoint, name, value)
        if "url" in changes or changes.get("active"):
            endpoint.failures, endpoint.paused_until = 0, None
        _save(endpoint)
    return endpoint


def rotate_secret(*, endpoint_id: UUID, request: Request, now: datetime) -> WebhookEndpoint:
    """A new secret; for a day messages are signed with the one before, too, so that none is refused meanwhile."""
    with transaction.atomic(savepoint=False):
        endpoint = _locked(endpoint_id, request)
        endpoint.previous_secret, endpoint.previous_secret_until = endpoint.secret, now + ROTATION
        endpoint.secret = new_secret(secrets.token_bytes(32))
        _save(endpoint)
    return endpoint


def remove_endpoint(*, endpoint_id: UUID, request: Request) -> None:
    """The endpoint, what is owed to it and its log are gone. Raises NotFound, 412."""
    with transaction.atomic(savepoint=False):
        _locked(endpoint_id, request).delete()


def find_endpoint(endpoint_id: UUID, *, lock: bool = False) -> WebhookEndpoint:
    """Under its row's lock, if asked for inside a transaction. Raises NotFound."""
    rows = WebhookEndpoint.objects.select_for_update() if lock else WebhookEndpoint.objects.all()
    endpoint = rows.filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound("There is no such endpoint.")
    return endpoint


def _locked(endpoint_id: UUID, request: Request) -> WebhookEndpoint:
    endpoint = find_endpoint(endpoint_id, lock=True)
    require_match(request, f'"{endpoint.version}"')
    return endpoint


def _save(endpoint: WebhookEndpoint) -> None:
    endpoint.version += 1
    endpoint.save()
