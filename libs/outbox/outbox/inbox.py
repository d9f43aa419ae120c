"""The inbox: an event, its effect and its own outgoing events commit together, once."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from outbox.conf import conf
from outbox.context import correlation
from outbox.events import Event
from outbox.metrics import EVENT_DUPLICATES, EVENTS_HANDLED
from outbox.models import InboxEntry

Handler = Callable[..., None]
logger = logging.getLogger(__name__)


def handlers() -> dict[str, Handler]:
    """The service's `{event type: handler}`."""
    return import_string(conf.HANDLERS) if conf.HANDLERS else {}


def receive(event: Event, *, now: datetime | None = None) -> bool:
    """Handle one event in a transaction of its own (or the open one); False when it was handled before.

    Types without a handler are ignored, and leave no inbox row. Raises whatever the handler raises, with nothing done.
    """
    handler = handlers().get(event.type)
    if handler is None:
        return False
    with transaction.atomic(savepoint=False):
        if not enter(event.id, event.topic):
            return False
        call(handler, event, now or timezone.now())
    EVENTS_HANDLED.labels(event.type).inc()
    return True


def receive_together(events: Iterable[Event]) -> None:
    """Handle many events in one transaction without savepoints: all of them or, raising, none."""
    known, now = handlers(), timezone.now()
    wanted: dict[str, Event] = {}
    for event in events:
        if event.type in known:
            wanted.setdefault(event.id, event)
    with transaction.atomic(savepoint=False):
        seen = set(
            InboxEntry.objects.filter(consumer=conf.SERVICE, event_id__in=list(wanted)).values_list(
                "event_id", flat=True
            )
        )
        fresh = [event for event in wanted.values() if event.id not in seen]
        InboxEntry.objects.bulk_create(
            [InboxEntry(consumer=conf.SERVICE, event_id=event.id, received_at=now) for event in fresh]
        )
        for event in fresh:
            call(known[event.type], event, now)
    for event in fresh:
        EVENTS_HANDLED.labels(event.type).inc()
    for id in seen:
        EVENT_DUPLICATES.labels(wanted[id].topic).inc()


def enter(event_id: str, topic: str) -> bool:
    """Write the inbox row; False when it is there already. (`ON DUPLICATE KEY` lies: Django counts found rows.)"""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT IGNORE INTO inbox (consumer, event_id, received_at) VALUES (%s, %s, UTC_TIMESTAMP(6))",
            [conf.SERVICE, event_id],
        )
        if cursor.rowcount:
            return True
    EVENT_DUPLICATES.labels(topic).inc()
    return False


def call(handler: Handler, event: Event, now: datetime) -> None:
    """Run a handler so that what it publishes knows its cause."""
    span = import_string(conf.HANDLER_SPAN) if conf.HANDLER_SPAN else _no_span
    with (
        span(event.type, event.traceparent) as traceparent,
        correlation(correlation_id=event.correlation_id, causation_id=event.id, traceparent=traceparent),
    ):
        handler(event, now=now)
        connection.validate_no_broken_transaction()  # a handler that swallowed a deadlock has done nothing


@contextmanager
def _no_span(name: str, parent: str | None) -> Iterator[str | None]:
    yield parent
