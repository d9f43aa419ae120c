"""Hints from the provider: stored once, then the object they name is read."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from celery.exceptions import SoftTimeLimitExceeded
from chassis.tasks import enqueue
from django.db import transaction

from payments.domain.settlement import is_news
from payments.models import Attempt, WebhookEvent
from payments.providers.base import Hint, ProviderError
from payments.use_cases.operations import look

logger = logging.getLogger(__name__)


MISSED_AFTER = timedelta(seconds=5)
MOST_TRIES = 5
BATCH = 1000
KEPT = timedelta(days=30)  # a signature is good for minutes: an old webhook cannot come again


def receive_webhook(*, provider: str, hint: Hint, now: datetime) -> None:
    """Keep a verified webhook; one that came before changes nothing, one that tells nothing new is done with.

    While an operation on its object is open (or the object is not known yet, because its making is), the operation's
    own answer is on its way: the sweep looks afterwards whether the webhook told anything else.
    """
    event = WebhookEvent(
        provider=provider,
        event_id=hint.event_id,
        type=hint.type,
        object_id=hint.object_id,
        payload=hint.payload,
        received_at=now,
    )
    with transaction.atomic(savepoint=False):
        attempt = _attempts([event]).get(event.object_id)
        if attempt is not None and not _is_news(event, attempt):
            event.handled_at = now
        WebhookEvent.objects.bulk_create([event], ignore_conflicts=True)
        if attempt is not None and event.handled_at is None and not _is_asked(attempt):
            row = WebhookEvent.objects.get(provider=provider, event_id=hint.event_id)
            if row.handled_at is None:
                enqueue("payments.tasks.handle_webhook", row.pk)


def handle_webhook(*, webhook_id: int, now: datetime) -> None:
    """Read the object that a webhook names. One that we do not know (yet) is tried again by the sweep, five times.

    Each try is claimed by counting it: who counts it makes it.
    """
    row = WebhookEvent.objects.filter(pk=webhook_id, handled_at=None).first()
    if row is None:
        return
    mine = WebhookEvent.objects.filter(pk=webhook_id, handled_at=None, tries=row.tries)
    if row.tries >= MOST_TRIES:  # the last one ended in an error
        mine.update(handled_at=now)
        return
    if not mine.update(tries=row.tries + 1):
        return
    attempt = _attempts([row]).get(row.object_id)
    known = attempt is not None
    try:
        if attempt is not None and _is_news(row, attempt):
            look(attempt_id=attempt.pk)
    except ProviderError as error:
        logger.warning("a webhook's object could not be read: %s", error)
        known = False
    if known or row.tries + 1 >= MOST_TRIES:
        WebhookEvent.objects.filter(pk=webhook_id).update(handled_at=now)


def handle_missed(*, now: datetime) -> int:
    """The sweep: webhooks that nobody handled. Those that tell nothing new are done in one statement."""
    missed = list(
        WebhookEvent.objects.filter(handled_at=None, received_at__lt=now - MISSED_AFTER).order_by("pk")[:BATCH]
    )
    attempts = _attempts(missed)
    known = {row.pk for row in missed if row.object_id in attempts and not _is_news(row, attempts[row.object_id])}
    if known:
        WebhookEvent.objects.filter(pk__in=known).update(handled_at=now)
    for row in missed:
        if row.pk not in known:
            try:
                handle_webhook(webhook_id=row.pk, now=now)
            except SoftTimeLimitExceeded:
                raise
            except Exception:
                logger.exception("a webhook could not be handled", extra={"event_id": row.event_id})
    return len(missed)


def _is_asked(attempt: Attempt) -> bool:
    return attempt.operations.filter(open_payment__isnull=False).exists()


def _attempts(rows: list[WebhookEvent]) -> dict[str, Attempt]:
    """The attempts that webhooks name, by object id."""
    if not rows:
        return {}
    found = Attempt.objects.filter(
        object_id__in={row.object_id for row in rows}, payment__provider__in={row.provider for row in rows}
    )
    return {attempt.object_id or "": attempt for attempt in found.select_related("payment")}


def _is_news(row: WebhookEvent, attempt: Attempt) -> bool:
    return attempt.state != "current" or is_news(row.type, attempt.payment.state)


def forget_old(*, now: datetime) -> int:
    """Delete webhooks that were done with 30 days ago, in short transactions; returns how many went."""
    gone = 0
    old = WebhookEvent.objects.filter(handled_at__lt=now - KEPT).order_by("handled_at")
    while ids := list(old.values_list("pk", flat=True)[:BATCH]):
        gone += WebhookEvent.objects.filter(pk__in=ids).delete()[0]
    return gone
