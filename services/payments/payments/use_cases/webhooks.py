"""Hints from the provider: stored once, then the object they name is read."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from chassis.tasks import enqueue
from django.db import transaction
from django.db.models import Exists, F, OuterRef

from payments.domain.facts import State
from payments.domain.settlement import is_news
from payments.models import Attempt, ProviderOperation, WebhookEvent
from payments.providers.base import Hint, ProviderError
from payments.use_cases.operations import look

logger = logging.getLogger(__name__)


MISSED_AFTER = timedelta(seconds=5)
BATCH = 1000


def receive_webhook(*, provider: str, hint: Hint, now: datetime) -> None:
    """Keep a verified webhook; one that came before changes nothing.

    While an operation on its object is open (or the object is not known yet, because its making is), the operation's
    own answer is on its way: the sweep looks afterwards whether the webhook told anything else.
    """
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
        attempt = _attempts([row]).get(row.object_id)
        if row.handled_at is None and attempt is not None and not attempt.operations_open:
            enqueue("payments.tasks.handle_webhook", row.pk)


def handle_webhook(*, webhook_id: int, now: datetime) -> None:
    """Read the object that a webhook names. One that we do not know (yet) is tried again by the sweep, five times."""
    row = WebhookEvent.objects.filter(pk=webhook_id, handled_at=None).first()
    if row is None:
        return
    attempt = _attempts([row]).get(row.object_id)
    known = attempt is not None
    try:
        if attempt is not None and _is_news(row, attempt):
            look(attempt_id=attempt.pk)
    except ProviderError as error:
        logger.warning("a webhook's object could not be read: %s", error)
        known = False
    if known or row.tries >= 4:
        WebhookEvent.objects.filter(pk=webhook_id).update(handled_at=now)
    else:
        WebhookEvent.objects.filter(pk=webhook_id).update(tries=F("tries") + 1)


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
            handle_webhook(webhook_id=row.pk, now=now)
    return len(missed)


def _attempts(rows: list[WebhookEvent]) -> dict[str, Attempt]:
    """The attempts that webhooks name, by object id; `operations_open` says whether one of theirs is open."""
    if not rows:
        return {}
    open_ones = ProviderOperation.objects.filter(attempt=OuterRef("pk"), open_payment__isnull=False)
    found = Attempt.objects.filter(
        object_id__in={row.object_id for row in rows}, payment__provider__in={row.provider for row in rows}
    )
    found = found.select_related("payment").annotate(operations_open=Exists(open_ones))
    return {attempt.object_id or "": attempt for attempt in found}


def _is_news(row: WebhookEvent, attempt: Attempt) -> bool:
    return attempt.state != "current" or is_news(row.type, State(attempt.payment.state))
