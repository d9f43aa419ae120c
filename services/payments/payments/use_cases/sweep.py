"""The sweep: lost wake-ups, silent calls, dead workers, waiting shoppers, missed webhooks.

Each row is claimed by moving the moment at which it is looked at next, so that two sweeps do not do the same, and is
guarded, so that one that cannot be read does not stop the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import Model, QuerySet
from outbox.transactions import retry_conflicts

from payments.models import Attempt, Payment, ProviderOperation
from payments.providers.base import ProviderError
from payments.use_cases import operations, payments, webhooks

logger = logging.getLogger(__name__)
BATCH = 200


def sweep(*, now: datetime) -> int:
    """Do what nobody else did; how many rows there were."""
    return _late_operations(now) + webhooks.handle_missed(now=now) + _waiting_payments(now) + _doubtful_attempts(now)


def _late_operations(now: datetime) -> int:
    late = ProviderOperation.objects.filter(open_payment__isnull=False, next_look_at__lte=now)
    rows = list(late.order_by("next_look_at").values_list("pk", "next_look_at", "state", "reads")[:BATCH])
    for pk, seen_at, state, reads in rows:
        row = ProviderOperation.objects.filter(pk=pk)
        act = operations.perform if state == "pending" else operations.read_back
        if row.filter(next_look_at=seen_at).update(next_look_at=now + operations.ANSWER_BY):
            later = {"next_look_at": now + operations.read_after(reads), "reads": min(reads + 1, 1000)}
            _guarded(partial(act, operation_id=pk), row, **later)
    return len(rows)


def _waiting_payments(now: datetime) -> int:
    waiting = Payment.objects.filter(settle_at__lte=now).order_by("settle_at")
    rows = list(waiting.values_list("pk", "settle_at")[:BATCH])
    for pk, seen_at in rows:
        row = Payment.objects.filter(pk=pk)
        if row.filter(settle_at=seen_at).update(settle_at=now + payments.LOOK_AGAIN_EVERY):
            _guarded(partial(_look_at_current, pk, now), row, settle_at=now + operations.LONGEST_WAIT)
    return len(rows)


def _look_at_current(payment_id, now: datetime) -> None:
    attempt_id = Attempt.objects.filter(payment_id=payment_id, state="current").values_list("pk", flat=True).first()
    if attempt_id is not None:
        operations.look(attempt_id=attempt_id)
    else:
        retry_conflicts(lambda: payments.settle_payment(payment_id=payment_id, now=now))


def _doubtful_attempts(now: datetime) -> int:
    doubtful = Attempt.objects.filter(look_again_at__lte=now).order_by("look_again_at")
    rows = list(doubtful.values_list("pk", "look_again_at")[:BATCH])
    for pk, seen_at in rows:
        row = Attempt.objects.filter(pk=pk)
        if row.filter(look_again_at=seen_at).update(look_again_at=now + payments.LOOK_AGAIN_EVERY):
            _guarded(partial(operations.look, attempt_id=pk), row, look_again_at=now + operations.LONGEST_WAIT)
    return len(rows)


def _guarded(act: Callable[[], None], row: QuerySet[Model], **later: Any) -> None:
    """What goes wrong with one row is logged, and tried again `later`."""
    try:
        act()
    except ProviderError as error:
        logger.warning("an object could not be read: %s", error)
    except SoftTimeLimitExceeded:
        raise
    except Exception:
        logger.exception("the sweep could not do a row")
        row.update(**later)
