"""From messages to effects: a batch in one transaction, or, when anything is odd, one message at a time."""

import logging

from django.db import transaction

from outbox import parked
from outbox.crashpoints import reach
from outbox.errors import Undecodable
from outbox.events import Record, decode
from outbox.inbox import handlers, receive, receive_together
from outbox.transactions import is_transient, retry_conflicts

logger = logging.getLogger(__name__)


def wanted(record: Record) -> bool:
    """False for types that nobody handles and for tombstones: they leave no trace. True for what is no event at all."""
    if record.type is None:
        return record.value is not None
    return record.type in handlers()


def handle_together(records: list[Record]) -> bool:
    """All of them in one transaction, without savepoints; False, with nothing done, when they must go one by one."""
    records = [record for record in records if wanted(record)]
    if not records:
        return True
    try:
        events = [decode(record) for record in records]
        with transaction.atomic(savepoint=False):
            if parked.any_parked(records):
                return False
            receive_together(events)
            reach("consumer.before_commit")
    except Exception as error:  # noqa: BLE001 whoever was to blame is found when they go one by one
        logger.info("batch falls apart", extra={"records": len(records), "reason": f"{type(error).__name__}: {error}"})
        return False
    return True


def handle_one(record: Record) -> None:
    """Handle a message in a transaction of its own, or park it. Raises only what passes by itself."""
    if not wanted(record):
        return
    try:
        retry_conflicts(lambda: _receive(record))
    except Exception as error:
        if is_transient(error):
            raise
        reason = str(error) if isinstance(error, Undecodable) else f"{type(error).__name__}: {error}"
        retry_conflicts(lambda: parked.park(record, reason))


def _receive(record: Record) -> None:
    with transaction.atomic(savepoint=False):
        if parked.is_waiting(record):
            parked.park(record, parked.REASON_BEHIND)
        else:
            receive(decode(record))
            reach("consumer.before_commit")
