"""Parked events: those that could not be handled, and behind them the later ones of their key, healed in order."""

import json
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Min, OuterRef, QuerySet, Subquery
from django.utils import timezone

from outbox.backoff import full_jitter
from outbox.conf import conf
from outbox.errors import NotWaiting
from outbox.events import Record, decode
from outbox.inbox import enter, receive
from outbox.metrics import EVENTS_PARKED
from outbox.models import InboxEntry, ParkedEvent
from outbox.transactions import is_transient, retry_conflicts

logger = logging.getLogger(__name__)
REASON_BEHIND = "an earlier event of its key is parked"


def mine() -> QuerySet[ParkedEvent]:
    """What this service has parked."""
    return ParkedEvent.objects.filter(consumer=conf.SERVICE)


def any_parked(records: Iterable[Record]) -> bool:
    """True when the key of one of these has parked events."""
    return mine().filter(key__in={stored_key(record) for record in records}).exists()


def is_waiting(record: Record) -> bool:
    """True when earlier events of the record's key are parked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM inbox_parked WHERE consumer = %s AND topic = %s AND `key` = %s"
            " AND `partition` = %s AND `offset` < %s)",
            [conf.SERVICE, record.topic, stored_key(record), record.partition, record.offset],
        )
        return bool(cursor.fetchone()[0])


def park(record: Record, reason: str) -> None:
    """Keep a record for later, unless it was handled or parked before. It gets no inbox row."""
    handled = InboxEntry.objects.filter(consumer=conf.SERVICE, event_id=record.event_id)
    if record.event_id is not None and handled.exists():
        return
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    if mine().filter(**place).exists():
        return
    now = timezone.now()
    event = ParkedEvent(
        consumer=conf.SERVICE,
        **place,
        key=stored_key(record),
        event_id=record.event_id,
        type=(record.type or "")[:255],
        headers=json.dumps(record.headers, ensure_ascii=False),
        value=record.value,
        timestamp=record.timestamp,
        reason=reason,
        next_try=now,
        parked_at=now,
    )
    ParkedEvent.objects.bulk_create([event], ignore_conflicts=True)  # a partition's former owner may park it too
    EVENTS_PARKED.labels(record.topic).inc()
    if reason != REASON_BEHIND:
        extra = {"topic": record.topic, "key": record.key, "event_id": record.event_id, "reason": reason}
        logger.error("event parked, its key waits", extra=extra)


def stored_key(record: Record) -> str:
    """The key as the table holds it."""
    return record.key[:255]


def heads(due: datetime | None = None, limit: int = 1000) -> list[ParkedEvent]:
    """The first parked event of each key, in the order of their next try; with `due`, those whose try has come."""
    firsts = mine().values("topic", "partition", "key").annotate(first=Min("offset")).values("first")
    same_key = firsts.filter(topic=OuterRef("topic"), partition=OuterRef("partition"), key=OuterRef("key"))
    found = mine().filter(offset=Subquery(same_key))
    if due is not None:
        found = found.filter(next_try__lte=due)
    return list(found.order_by("next_try")[:limit])


def retry_due(limit: int = 200) -> int:
    """Retry each key whose first event is due, going on along the key while it succeeds; the number healed."""
    healed = 0
    for event in heads(timezone.now(), limit):
        with suppress(NotWaiting):  # another sweep was quicker
            healed += retry_key(event.pk)
    return healed


def retry_key(parked_id: int, *, by: str = "the sweep") -> int:
    """Handle a key's parked events from its head on, until one fails or none is left; the number healed.

    Raises NotWaiting when `parked_id` is not (or no longer) its key's first.
    """
    healed = 0
    next_id: int | None = parked_id
    while next_id is not None:
        try:
            next_id = retry_conflicts(lambda id=next_id: _heal(id))  # type: ignore[misc]
        except NotWaiting:
            if healed == 0:
                raise
            break
        except Exception as error:  # whatever the handler raises: the key waits on
            if is_transient(error):
                raise
            _count_failure(next_id, error)  # type: ignore[arg-type]
            break
        healed += 1
    if healed:
        logger.warning("parked events healed", extra={"parked_id": parked_id, "healed": healed, "by": by})
    return healed


def discard(parked_id: int, *, by: str) -> None:
    """Give up a key's first parked event: it counts as handled, even when all is read again. Raises NotWaiting."""

    def give_up() -> None:
        with transaction.atomic(savepoint=False):
            event = _locked_head(parked_id)
            if event.event_id is not None:
                enter(event.event_id, event.topic)
            event.delete()

    retry_conflicts(give_up)
    logger.warning("parked event discarded", extra={"parked_id": parked_id, "by": by})


def _heal(parked_id: int) -> int | None:
    """Handle one event and take it off the table; the id of the key's next."""
    with transaction.atomic(savepoint=False):
        event = _locked_head(parked_id)
        receive(decode(as_record(event)))
        key = {"topic": event.topic, "partition": event.partition, "key": event.key}
        event.delete()
        return mine().filter(**key).order_by("offset").values_list("id", flat=True).first()


def _locked_head(parked_id: int) -> ParkedEvent:
    event = mine().select_for_update().filter(pk=parked_id).first()
    if event is None:
        raise NotWaiting(f"there is no parked event {parked_id}")
    earlier = mine().filter(topic=event.topic, partition=event.partition, key=event.key, offset__lt=event.offset)
    if earlier.exists():
        raise NotWaiting(f"parked event {parked_id} is not the first of its key")
    return event


def _count_failure(parked_id: int, error: Exception) -> None:
    event = mine().filter(pk=parked_id).first()
    if event is None:
        return
    pause = timedelta(seconds=full_jitter(event.attempts + 1, first=5.0, longest=3600.0))
    mine().filter(pk=parked_id).update(
        attempts=event.attempts + 1, next_try=timezone.now() + pause, reason=f"{type(error).__name__}: {error}"
    )


def as_record(event: ParkedEvent) -> Record:
    """The message as it came."""
    return Record(
        topic=event.topic,
        partition=event.partition,
        offset=event.offset,
        key=event.key,
        value=None if event.value is None else bytes(event.value),
        headers=json.loads(event.headers),
        timestamp=event.timestamp,
    )
