"""What people choose to be told, and what they have read."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from chassis.problems import NotFound
from django.core.signing import BadSignature, Signer
from django.db import transaction

from notifications.letters import SALT
from notifications.models import Delivery, OrderContact, Recipient
from notifications.use_cases.contacts import lock_person


def set_preferences(*, user_id: UUID, language: str | None, order_updates: bool, marketing: bool) -> Recipient:
    """Replace a user's choices; they count for every mail that is not sent yet."""
    with transaction.atomic(savepoint=False):
        person = lock_person(user_id)
        person.language, person.order_updates, person.marketing = language or "", order_updates, marketing
        person.save(update_fields=["language", "order_updates", "marketing"])
    return person


def mark_read(*, delivery_id: UUID, user_id: UUID, now: datetime) -> Delivery:
    """The first time it is read counts. Raises NotFound for what is not in this user's inbox."""
    mine = Delivery.objects.inbox_of(user_id).filter(pk=delivery_id)
    mine.filter(read_at=None).update(read_at=now)
    if (delivery := mine.first()) is None:
        raise NotFound("There is no such notification, or it is not yours.")
    return delivery


def mail_of(token: str) -> Delivery:
    """The mail whose unsubscribe link this token is from. Raises NotFound."""
    try:
        delivery = Delivery.objects.filter(pk=Signer(salt=SALT).unsign(token)).first()
    except BadSignature:
        delivery = None
    if delivery is None:
        raise NotFound("This link is not one of ours, or not whole. Copy all of it from the mail.")
    return delivery


def unsubscribe(*, token: str) -> Delivery:
    """No more mails about shipments: for an account all of them, for a guest those of this order. Raises NotFound."""
    with transaction.atomic(savepoint=False):
        delivery = mail_of(token)
        if delivery.user_id:
            Recipient.objects.filter(pk=delivery.user_id).update(order_updates=False)
        else:
            OrderContact.objects.filter(pk=delivery.order_id).update(updates=False)
    return delivery
