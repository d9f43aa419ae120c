"""Keeping up with `user-events`: services merge this dict into their HANDLERS."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from auth_jwt.models import KnownUser


def on_user_changed(event: Any, *, now: datetime) -> None:
    """Remember the newest snapshot of a user; older ones change nothing."""
    data = event.data
    after = data.get("tokens_valid_after")
    fields = {"status": data["status"], "tokens_valid_after": parse_datetime(after) if after else None}
    known, created = KnownUser.objects.select_for_update().get_or_create(
        user_id=data["id"], defaults={**fields, "version": data["version"]}
    )
    if not created and known.status != "erased" and known.version < data["version"]:
        KnownUser.objects.filter(pk=known.pk).update(**fields, version=data["version"])


def on_user_erased(event: Any, *, now: datetime) -> None:
    """Refuse an erased user's tokens for ever."""
    KnownUser.objects.update_or_create(user_id=event.data["id"], defaults={"status": "erased"})


HANDLERS = {
    "crossborder.user.registered.v1": on_user_changed,
    "crossborder.user.changed.v1": on_user_changed,
    "crossborder.user.erased.v1": on_user_erased,
}
