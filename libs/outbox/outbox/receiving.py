"""From messages to effects: a batch in one transaction, or, when anything is odd, one message at a time."""

import logging

from django.db import transaction
from django.utils import timezone

from outbox import parked
from outbox.crashpoints import reach
from outbox.errors import Undecodable
from outbox.events import Record, decode
from outbox.inbox import call, enter, handlers, receive_together
from outbox.metrics import EVENTS_HANDLED
from outbox.transactions import is_transient, retry_conflicts

logger = logging.getLogger(__name__)


def wanted(record: Record) -> bool:
    """False for types that nobody handles and for tombstones: they leave no trace. True for what is no event at all."""
    if record.type is None:
        return record.value is not None
    return record.type in handlers()


def handle_together(records: list[Record], *, look: bool = True) -> bool:
    """All of them in one transaction, without savepoints; False, with nothing done, when they must go one by one.

    `look` is False when the caller knows that nothing of these partitions is parked.
    """
    records = [record for record in records if wanted(record)]
    if not records:
        return True
    try:
        events = [decode(record) for record in records]
        with transaction.atomic(savepoint=False):
            if look and parked.any_parked(records):
                return False
            receive_together(events)
            reach("consumer.before_commit")
    except Exception as error:  # noqa: BLE001 whoever was to blame is found when they go one by one
        logger.info("batch falls apart", extra={"records": len(records), "reason": f"{type(error).__name__}: {error}"})
        return False
    return True


def handle_one(record: Record, *, look: bool = True) -> bool:
    """Handle a message in a transaction of its own, or park it (True). Raises only what passes by itself."""
    if not wanted(record):
        return False
    try:
        return retry_conflicts(lambda: _receive(record, look))
    except Exception as error:
        if is_transient(error):
            raise
        reason = str(error) if isinstance(error, Undecodable) else f"{type(error).__name__}: {error}"
        retry_conflicts(lambda: parked.park(record, reason))
        return True


def _receive(record: Record, look: bool) -> bool:
    event = decode(record)
    with transaction.atomic(savepoint=False):
        if look and parked.is_waiting(record):
            parked.park(record, parked.REASON_BEHIND)
            return True
        if not enter(event.id, event.topic):
            return False
        call(handlers()[event.type], event, timezone.now())
        reach("consumer.before_commit")
    EVENTS_HANDLED.labels(event.type).inc()
    return False
