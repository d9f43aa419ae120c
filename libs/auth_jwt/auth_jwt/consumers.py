"""Keeping up with `user-events`: services merge this dict into their HANDLERS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from auth_jwt.models import KnownUser


def on_user_changed(event: Any, *, now: datetime) -> None:
    """Remember the newest snapshot of a user; older ones change nothing."""
    remember(event.data)


def on_user_erased(event: Any, *, now: datetime) -> None:
    """Refuse an erased user's tokens for ever."""
    remember_erased(event.data["id"])


def remember(data: Mapping[str, Any]) -> None:
    """Keep what a snapshot says about tokens; the issuer calls it in the transaction that publishes the snapshot."""
    after = data.get("tokens_valid_after")
    fields = {"status": data["status"], "tokens_valid_after": parse_datetime(after) if after else None}
    older = KnownUser.objects.filter(pk=data["id"], version__lt=data["version"]).exclude(status="erased")
    if not older.update(**fields, version=data["version"]):
        newest = KnownUser(user_id=data["id"], version=data["version"], **fields)
        KnownUser.objects.bulk_create([newest], ignore_conflicts=True)


def remember_erased(user_id: Any) -> None:
    erased = KnownUser(user_id=user_id, status="erased")
    KnownUser.objects.bulk_create([erased], update_conflicts=True, update_fields=["status"])


HANDLERS = {
    "crossborder.user.registered.v1": on_user_changed,
    "crossborder.user.changed.v1": on_user_changed,
    "crossborder.user.erased.v1": on_user_erased,
}
