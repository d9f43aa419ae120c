"""Owing a notice: which rows an event makes, and sending one again because a person says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.problems import Conflict, NotFound
from chassis.tasks import enqueue
from django.db import transaction

from notifications import letters
from notifications.domain import policy
from notifications.models import EMAIL, FAILED, IN_APP, PENDING, SENT, SUPPRESSED, Delivery, OrderContact, Recipient


@dataclass(frozen=True)
class Notice:
    """What an event asks us to tell an order's buyer. `business_key` is what it may be told once for."""

    template: str
    order_id: str
    order_number: str
    user_id: str | None
    business_key: str
    context: dict[str, Any] = field(default_factory=dict)


def notify(notice: Notice, *, progress: str = "", now: datetime) -> None:
    """Owe the buyer a mail and, if they have an account, a line in their inbox; what is not told says why.

    `progress` is how far the order is with this event: `paid` or `closed`.
    """
    with transaction.atomic(savepoint=False):
        contact = OrderContact.objects.select_for_update().filter(pk=notice.order_id).first()
        if contact and progress and contact.progress != progress:
            contact.progress = progress
            contact.save(update_fields=["progress"])
        person = person_of(contact)
        channels = [EMAIL, IN_APP] if notice.user_id else [EMAIL]
        rows = [_addressed(_row(notice, channel, now), contact, person, now) for channel in channels]
        Delivery.objects.bulk_create(rows, ignore_conflicts=True)
        _wake(rows)


def tell_what_waited(*, order_id: UUID | str, now: datetime) -> None:
    """The order is known now: tell what other topics' events had asked for before."""
    with transaction.atomic(savepoint=False):
        contact = OrderContact.objects.select_for_update().get(pk=order_id)
        waiting = Delivery.objects.filter(order_id=order_id, state=SUPPRESSED, reason="order_unknown")
        rows = [_addressed(row, contact, person_of(contact), now) for row in waiting.order_by("created_at")]
        for row in rows:
            row.save()
        _wake(rows)


def retry_delivery(*, delivery_id: UUID, now: datetime) -> Delivery:
    """Send a mail again that has failed or that the buyer did not get, with all its attempts.

    Raises NotFound, and Conflict `not_finished`.
    """
    with transaction.atomic(savepoint=False):
        delivery = Delivery.objects.select_for_update().filter(pk=delivery_id).first()
        if delivery is None:
            raise NotFound("There is no such delivery.")
        if delivery.channel != EMAIL or delivery.state not in {SENT, FAILED} or not delivery.recipient:
            raise Conflict("not_finished", f"The delivery is {delivery.state}; a sent or failed mail is sent again.")
        delivery.state, delivery.attempts, delivery.next_try_at = PENDING, 0, now
        delivery.save(update_fields=["state", "attempts", "next_try_at"])
        _wake([delivery])
    return delivery


def person_of(contact: OrderContact | None) -> Recipient | None:
    """The account behind an order, None for a guest's."""
    if contact is None or contact.user_id is None:
        return None
    return Recipient.objects.filter(pk=contact.user_id).first()


def _row(notice: Notice, channel: str, now: datetime) -> Delivery:
    return Delivery(
        template=notice.template,
        business_key=notice.business_key,
        channel=channel,
        order_id=notice.order_id,
        order_number=notice.order_number,
        user_id=notice.user_id,
        context=notice.context,
        created_at=now,
    )


def _addressed(row: Delivery, contact: OrderContact | None, person: Recipient | None, now: datetime) -> Delivery:
    """The row with its state, and its words in the buyer's language unless it is held back."""
    buyer = contact.addressee(person) if contact else None
    row.reason = policy.reason_to_suppress(row.template, buyer, row.channel, now=now)
    if contact is None or row.reason:
        row.state = SUPPRESSED
        if row.reason == "erased":
            row.context = {}
        return row
    row.locale = policy.language(person.language if person else "", contact.locale, person.locale if person else "")
    letter = letters.write(row, contact)
    row.subject, row.text = letter.subject, " ".join(letter.paragraphs)
    if row.channel == EMAIL:
        row.recipient, row.state, row.next_try_at = contact.email, PENDING, now
    else:
        row.state, row.sent_at = SENT, now
    return row


def _wake(rows: list[Delivery]) -> None:
    for row in rows:
        if row.state == PENDING:
            enqueue("notifications.tasks.send_delivery", row.id)
