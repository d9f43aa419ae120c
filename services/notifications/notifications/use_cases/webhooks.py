"""Telling merchants' systems: an event is owed in its transaction, posted by a worker, and tried again for hours."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.problems import Conflict, NotFound
from chassis.tasks import enqueue
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from outbox.transactions import retry_conflicts
from uuid_utils.compat import uuid7

from notifications import merchants
from notifications.domain.webhooks import TEST, pause_after, signatures, wait_after
from notifications.merchants import Answer
from notifications.metrics import WEBHOOKS
from notifications.models import (
    FAILED,
    PENDING,
    SENDING,
    SENT,
    SUPPRESSED,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)

logger = logging.getLogger(__name__)
CLAIM = timedelta(minutes=3)  # longer than a task may run
SWEEP_SECONDS = 10.0
KEPT = timedelta(days=30)


def owe(*, event_id: str, name: str, at: datetime, data: Mapping[str, Any], now: datetime) -> None:
    """Owe an event to every endpoint that wants it; the same event is owed once."""
    wanting = [each for each in WebhookEndpoint.objects.filter(active=True) if not each.events or name in each.events]
    if not wanting:
        return
    message = {"id": event_id, "type": name, "timestamp": at.isoformat().replace("+00:00", "Z"), "data": dict(data)}
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    rows = [
        WebhookDelivery(
            endpoint=endpoint,
            event_id=event_id,
            event=name,
            user_id=data.get("user_id"),
            body=body,
            state=PENDING,
            next_try_at=now,
            created_at=now,
        )
        for endpoint in wanting
    ]
    WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True)
    for row in rows:
        enqueue("notifications.tasks.post_webhook", row.id)


def owe_test(*, endpoint: WebhookEndpoint, now: datetime) -> WebhookDelivery:
    """Owe this endpoint, active or not, a message that tells of nothing."""
    event_id = str(uuid7())
    body = json.dumps({"id": event_id, "type": TEST, "timestamp": now.isoformat(), "data": {}}, separators=(",", ":"))
    with transaction.atomic(savepoint=False):
        delivery = WebhookDelivery.objects.create(
            endpoint=endpoint,
            event_id=event_id,
            event=TEST,
            body=body,
            state=PENDING,
            next_try_at=now,
            created_at=now,
        )
        enqueue("notifications.tasks.post_webhook", delivery.id)
    return delivery


def post(*, delivery_id: UUID | str, now: datetime) -> str:
    """Post one message that is due; its state afterwards, empty when it was not due or someone else has it.

    As with mails, counting the attempt is the claim, and who was given up writes nothing.
    """
    delivery = WebhookDelivery.objects.due(now).to_living(now).filter(pk=delivery_id).select_related("endpoint").first()
    if delivery is None:
        return ""
    claim = WebhookDelivery.objects.due(now).filter(pk=delivery_id, attempts=delivery.attempts)
    if not claim.update(state=SENDING, attempts=F("attempts") + 1, next_try_at=now + CLAIM):
        return ""
    delivery.attempts += 1
    endpoint = delivery.endpoint
    if not endpoint.active and delivery.event != TEST:
        return _record(delivery, None, state=SUPPRESSED, next_try_at=None)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "crossborder-webhooks/1",
        "webhook-id": str(delivery.pk),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signatures(endpoint.secrets(now), id=str(delivery.pk), at=now, body=delivery.body),
    }
    answer = merchants.post(endpoint.url, body=delivery.body, headers=headers)
    return _record(delivery, answer, **_outcome(delivery, answer))


def post_due(*, now: datetime) -> int:
    """The sweep: what is due to endpoints that are not left alone, oldest first, for about ten seconds."""
    deadline = time.monotonic() + SWEEP_SECONDS
    due = WebhookDelivery.objects.due(now).to_living(now).order_by("next_try_at")
    posted = 0
    for delivery_id in list(due.values_list("pk", flat=True)[:1000]):
        posted += post(delivery_id=delivery_id, now=max(now, timezone.now())) == SENT
        if time.monotonic() > deadline:
            break
    return posted


def retry_webhook(*, delivery_id: UUID, now: datetime) -> WebhookDelivery:
    """Post a message again, with all its attempts. Raises NotFound, and Conflict `not_finished`."""
    with transaction.atomic(savepoint=False):
        delivery = WebhookDelivery.objects.select_for_update().filter(pk=delivery_id).first()
        if delivery is None:
            raise NotFound("There is no such delivery.")
        if delivery.state not in {SENT, FAILED} or not delivery.body:
            raise Conflict("not_finished", f"The delivery is {delivery.state}; a sent or failed one is posted again.")
        delivery.state, delivery.attempts, delivery.next_try_at = PENDING, 0, now
        delivery.save(update_fields=["state", "attempts", "next_try_at"])
        enqueue("notifications.tasks.post_webhook", delivery.id)
    return delivery


def forget_old(*, now: datetime) -> int:
    """Delete what was owed more than 30 days ago, in short transactions; returns how many rows went."""
    gone = 0
    old = WebhookDelivery.objects.filter(created_at__lt=now - KEPT).order_by("created_at")
    while ids := list(old.values_list("pk", flat=True)[:500]):
        WebhookAttempt.objects.filter(delivery_id__in=ids).delete()
        gone += WebhookDelivery.objects.filter(pk__in=ids).delete()[0]
    return gone


def _outcome(delivery: WebhookDelivery, answer: Answer) -> dict[str, Any]:
    if answer.delivered:
        return {"state": SENT, "sent_at": timezone.now(), "next_try_at": None, "last_error": ""}
    wait = None if answer.gone else wait_after(delivery.attempts, jitter=random.random())  # noqa: S311 no secret
    if wait is None:
        return {"state": FAILED, "next_try_at": None, "last_error": answer.error}
    return {"state": PENDING, "next_try_at": timezone.now() + wait, "last_error": answer.error}


def _record(delivery: WebhookDelivery, answer: Answer | None, **fields: Any) -> str:
    """What came of it: the row, a line of its log, and how the endpoint is doing."""

    def write() -> None:
        with transaction.atomic(savepoint=False):
            mine = WebhookDelivery.objects.filter(pk=delivery.pk, state=SENDING, attempts=delivery.attempts)
            if mine.update(**fields) and answer is not None:
                _write_log(delivery, answer)
                _judge(delivery.endpoint_id, answer)

    retry_conflicts(write)
    result = "retried" if fields["state"] == PENDING else fields["state"]
    WEBHOOKS.labels(delivery.event, result).inc()
    level = logging.INFO if fields["state"] in {SENT, SUPPRESSED} else logging.WARNING
    logger.log(level, "webhook %s", result, extra={"delivery_id": str(delivery.pk), "url": delivery.endpoint.url})
    return fields["state"]


def _write_log(delivery: WebhookDelivery, answer: Answer) -> None:
    WebhookAttempt.objects.create(
        delivery=delivery,
        number=delivery.attempts,
        at=timezone.now(),
        status=answer.status,
        error=answer.error,
        took_ms=answer.took_ms,
    )


def _judge(endpoint_id: UUID, answer: Answer) -> None:
    """An endpoint that fails is left alone, ever longer; one that says 410 is turned off."""
    endpoint = WebhookEndpoint.objects.select_for_update().get(pk=endpoint_id)
    if answer.delivered and not endpoint.failures:
        return
    endpoint.failures = 0 if answer.delivered else endpoint.failures + 1
    endpoint.paused_until = None if answer.delivered else timezone.now() + pause_after(endpoint.failures)
    endpoint.active = endpoint.active and not answer.gone
    endpoint.save(update_fields=["failures", "paused_until", "active"])
