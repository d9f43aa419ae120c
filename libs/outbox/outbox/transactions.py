"""Which database errors pass by themselves, and the one function that repeats a transaction because of them."""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from outbox.errors import NotOutermost
from outbox.metrics import CONFLICTS as DATABASE_CONFLICTS

T = TypeVar("T")
logger = logging.getLogger(__name__)

DEADLOCK = 1213
CONFLICTS = frozenset({1020, 1205, DEADLOCK})  # record has changed, lock wait timeout
SERVER_TROUBLE = frozenset(  # too many connections, shutdown, disk full, read-only, killed, access being changed, ...
    {1021, 1040, 1041, 1042, 1043, 1045, 1049, 1053, 1077, 1078, 1079, 1080, 1114, 1129, 1130, 1152, 1153, 1158, 1159}
    | {1160, 1161, 1180, 1184, 1203, 1226, 1290, 1317, 1792, 1836, 1927, 1969, 3024, 3100, 3101, 3572, 4031}
)
MAX_TRIES = 5


def error_code(error: BaseException) -> int:
    """MySQL's number of a database error, 0 when it has none."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def is_conflict(error: BaseException) -> bool:
    """True for a deadlock, a lock wait timeout or a changed record: the same transaction may succeed when repeated."""
    return isinstance(error, DatabaseError) and error_code(error) in CONFLICTS


def is_transient(error: BaseException | None) -> bool:
    """True when the database's state is to blame and not the statement: conflicts, lost connections, a full server.

    An error raised `from` such a one counts too.
    """
    if error is None:
        return False
    code = error_code(error)
    if isinstance(error, OperationalError) and (code in SERVER_TROUBLE or 2000 <= code < 3000):
        return True
    return isinstance(error, InterfaceError) or is_conflict(error) or is_transient(error.__cause__)


def is_outermost() -> bool:
    """True when no transaction is open (the one that a Django test case wraps around a test does not count)."""
    return not connection.in_atomic_block or connection.atomic_blocks[-1]._from_testcase  # type: ignore[attr-defined]


def retry_conflicts(function: Callable[[], T]) -> T:
    """Run `function`, which opens its own transactions, again after a conflict: at most 5 times, with jitter.

    Never catch a conflict inside a transaction: a deadlock has rolled all of it back already, a lock wait timeout
    nothing of it. Raises NotOutermost inside a transaction, and the last conflict when all tries had one.
    """
    if not is_outermost():
        raise NotOutermost("retry_conflicts() must be outside of every transaction")
    for attempt in range(1, MAX_TRIES + 1):
        try:
            return function()
        except DatabaseError as error:
            if is_conflict(error):
                DATABASE_CONFLICTS.labels(error_code(error)).inc()
            if attempt == MAX_TRIES or not is_conflict(error):
                raise
            logger.info("transaction repeated", extra={"attempt": attempt, "code": error_code(error)})
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 jitter, not a secret
    raise AssertionError("unreachable")
