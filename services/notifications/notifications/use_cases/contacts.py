"""Who is who: buyers learnt from their orders, users from their snapshots, and forgetting them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from notifications.models import (
    FAILED,
    PENDING,
    SENDING,
    SUPPRESSED,
    Delivery,
    OrderContact,
    Recipient,
    WebhookDelivery,
)

NOBODY: dict[str, Any] = {"email": "", "name": "", "locale": ""}


def learn_order(*, data: dict[str, Any], now: datetime) -> None:
    """Keep the buyer of an order that was placed; of an erased user's order only its number.

    The user's row is locked first: erasing either sees this contact or is seen by it.
    """
    with transaction.atomic(savepoint=False):
        person = lock_person(data["user_id"]) if data["user_id"] else None
        erased_at = person.erased_at if person else None
        contact = {name: data["contact"][name] for name in NOBODY}
        summary = {name: data[name] for name in ("lines", "charges", "total")}
        row = OrderContact(
            order_id=data["order_id"],
            number=data["order_number"],
            user_id=data["user_id"],
            summary={} if erased_at else summary,
            expires_at=datetime.fromisoformat(data["expires_at"]),
            erased_at=erased_at,
            **(NOBODY if erased_at else contact),
        )
        OrderContact.objects.bulk_create([row], ignore_conflicts=True)


def lock_person(user_id: UUID | str) -> Recipient:
    """The user's row, locked; made when their own event has not come yet."""
    rows = Recipient.objects.select_for_update().filter(pk=user_id)
    if (person := rows.first()) is None:
        Recipient.objects.bulk_create([Recipient(user_id=user_id)], ignore_conflicts=True)
        person = rows.get()
    return person


def keep_user(*, snapshot: dict[str, Any]) -> None:
    """Remember the newest snapshot of a user; an older one, and one of an erased user, change nothing."""
    fields = {"version": snapshot["version"], **{name: snapshot[name] for name in NOBODY}}
    older = Recipient.objects.filter(pk=snapshot["id"], version__lt=snapshot["version"], erased_at=None)
    if not older.update(**fields):
        Recipient.objects.bulk_create([Recipient(user_id=snapshot["id"], **fields)], ignore_conflicts=True)


def forget_user(*, user_id: UUID | str, now: datetime) -> None:
    """Nothing that names a person stays: account, contacts of their orders, what was sent; what is owed is not sent.

    In this order: whoever writes a delivery holds its contact's row, so none is written behind our back.
    """
    with transaction.atomic(savepoint=False):
        person = lock_person(user_id)
        if person.erased_at is None:
            Recipient(user_id=user_id, version=person.version, order_updates=False, erased_at=now).save()
        OrderContact.objects.filter(user_id=user_id).update(**NOBODY, summary={}, erased_at=now)
        theirs = Delivery.objects.filter(user_id=user_id)
        theirs.filter(state__in=[PENDING, SENDING, FAILED]).update(state=SUPPRESSED, reason="erased", next_try_at=None)
        theirs.update(recipient="", subject="", text="", context={}, last_error="")
        told = WebhookDelivery.objects.filter(user_id=user_id)
        told.filter(state__in=[PENDING, SENDING, FAILED]).update(state=SUPPRESSED, next_try_at=None)
        told.update(body="")
