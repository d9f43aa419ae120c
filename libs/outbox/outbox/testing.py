"""Helpers for the tests of services: what did they publish, and what do their handlers do with an event."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.utils import timezone
from uuid_utils.compat import uuid7

from outbox.events import Event, Record, decode, encode_headers
from outbox.inbox import receive
from outbox.models import OutboxEvent
from outbox.publishing import dumps
from outbox.transactions import is_outermost, retry_conflicts


@contextmanager
def capture_events() -> Iterator[list[Event]]:
    """The events that were written inside the block and not rolled back, in order; the list is filled at its end."""
    events: list[Event] = []
    before = OutboxEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
    yield events
    events += [as_event(row) for row in OutboxEvent.objects.filter(id__gt=before).order_by("id")]


def as_event(row: OutboxEvent) -> Event:
    """The event that a consumer will decode from a pending row."""
    return decode(Record(row.topic, 0, row.id, row.key, row.payload.encode(), json.loads(row.headers)))


def deliver(
    type: str,
    data: dict[str, Any],
    *,
    key: object,
    id: object | None = None,
    topic: str = "test-events",
    subject: str = "",
    sequence: int | None = 1,
    time: datetime | None = None,
    now: datetime | None = None,
    source: str = "/test",
    **others: str | None,
) -> bool:
    """Run this service's handler of `type` as the consumer would: the inbox row and the effect in one transaction.

    Returns False for a duplicate (give the same `id` twice) and for a type without a handler. `now` is what the handler
    gets; `correlationid`, `causationid` and `traceparent` may be given too. The data takes the way through JSON.
    """
    headers = encode_headers(
        id=str(id or uuid7()),
        type=type,
        source=source,
        subject=subject,
        time=time or timezone.now(),
        schema="",
        sequence=sequence,
        **others,
    )
    event = decode(Record(topic, 0, 0, str(key), dumps(data).encode(), headers))
    if is_outermost():
        return retry_conflicts(lambda: receive(event, now=now))
    return receive(event, now=now)
