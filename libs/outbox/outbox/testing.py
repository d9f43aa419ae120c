"""Helpers for tests: what was published, what handlers do with an event, a broker in memory that fails on demand."""

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone
from uuid_utils.compat import uuid7

from outbox.claims import Row
from outbox.errors import ProducerDied, PublishError
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


@dataclass
class Failure:
    """`error` (None: silence) for every message, or those of `key`, so many `times` (None: always)."""

    error: PublishError | None
    key: str | None = None
    times: int | None = None

    def strikes(self, row: Row) -> bool:
        """True when this message fails; that time is counted."""
        if self.times == 0 or self.key not in (None, row.key):
            return False
        self.times = None if self.times is None else self.times - 1
        return True


@dataclass
class MemoryBroker:
    """Topics in memory. `Relay(broker.producer)` sends to it; `failures` say what goes wrong."""

    topics: set[str]
    messages: list[Row] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    producers_made: int = 0

    def fail(self, error: PublishError | None, *, key: str | None = None, times: int | None = None) -> None:
        """From now on, answer with `error`: MessageRejected, TopicUnavailable, BrokerUnavailable or ProducerDied.

        None: the message is taken, and nothing is ever heard of it.
        """
        self.failures.append(Failure(error, key, times))

    def records(self, partition: int = 0) -> list[Record]:
        """What a consumer would read, in the order of arrival: `outbox.receiving.handle_one` takes each."""
        return [
            Record(row.topic, partition, offset, row.key, row.payload.encode(), json.loads(row.headers))
            for offset, row in enumerate(self.messages)
        ]

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.failures.clear()

    def producer(self) -> "MemoryProducer":
        """A new producer, as a relay makes one."""
        self.producers_made += 1
        return MemoryProducer(self)


class MemoryProducer:
    """What outbox.kafka.producing.KafkaProducer is for Kafka. Once it has died it refuses everything."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._died: ProducerDied | None = None

    def topics(self, seconds: float = 0) -> set[str]:
        """The broker's topics."""
        return self._broker.topics

    def send(self, row: Row, reports: deque[tuple[Row, PublishError | None]]) -> None:
        """Take the message, or report the failure that is due."""
        failure = next((each for each in self._broker.failures if each.strikes(row)), None)
        error = self._died or (failure.error if failure else None)
        if isinstance(error, ProducerDied):
            self._died = error
        if error is None:
            self._broker.messages.append(row)
        if error or not failure:
            reports.append((row, error))

    def poll(self, seconds: float) -> None:
        """Everything was reported at once."""

    def close(self) -> None:
        """Nothing is kept."""
