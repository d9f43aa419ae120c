"""Hints from the provider: stored once, then the object they name is read."""

from __future__ import annotations

import logging
from datetime import datetime

from chassis.tasks import enqueue
from django.db import transaction
from django.db.models import F

from payments.models import Attempt, WebhookEvent
from payments.providers.base import Hint, ProviderError
from payments.use_cases.operations import look

logger = logging.getLogger(__name__)


def receive_webhook(*, provider: str, hint: Hint, now: datetime) -> None:
    """Keep a verified webhook; one that came before changes nothing."""
    with transaction.atomic(savepoint=False):
        event = WebhookEvent(
            provider=provider,
            event_id=hint.event_id,
            type=hint.type,
            object_id=hint.object_id,
            payload=hint.payload,
            received_at=now,
        )
        WebhookEvent.objects.bulk_create([event], ignore_conflicts=True)
        row = WebhookEvent.objects.get(provider=provider, event_id=hint.event_id)
        if row.handled_at is None:
            enqueue("payments.tasks.handle_webhook", row.pk)


def handle_webhook(*, webhook_id: int, now: datetime) -> None:
    """Read the object that a webhook names. One that we do not know (yet) is tried again by the sweep, five times."""
    row = WebhookEvent.objects.filter(pk=webhook_id, handled_at=None).first()
    if row is None:
        return
    attempt = Attempt.objects.filter(object_id=row.object_id, payment__provider=row.provider).first()
    try:
        if attempt is not None:
            look(attempt_id=attempt.pk)
    except ProviderError as error:
        logger.warning("a webhook's object could not be read: %s", error)
        attempt = None
    if attempt is not None or row.tries >= 4:
        WebhookEvent.objects.filter(pk=webhook_id).update(handled_at=now)
    else:
        WebhookEvent.objects.filter(pk=webhook_id).update(tries=F("tries") + 1)
