"""Tasks: waking one after a commit, and the base class that makes them safe to repeat."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import celery
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from kombu.exceptions import OperationalError
from outbox.context import correlation, current
from outbox.transactions import is_conflict, is_transient, retry_conflicts

from chassis.logs import log_fields
from chassis.tracing import span

logger = logging.getLogger(__name__)
PAUSE_SECONDS = 5.0  # without a try after Redis did not answer: a request waits for it once
BATCH = 1000
_away_until = 0.0


class Task(celery.Task):
    """Runs its body again when the database chose it as a deadlock's victim; its events carry the task's id.

    A task that speaks with the outside world says `@shared_task(outermost=False)`: it retries its transactions itself,
    so that a call that was made is not made again.
    """

    outermost = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        run = super().__call__
        if self.request.is_eager:  # joined to the caller's transaction and story
            return run(*args, **kwargs)
        story = {"correlation_id": self.request.get("correlationid") or self.request.id}
        with (
            log_fields(task=self.name),
            span(self.name, self.request.get("traceparent")) as traceparent,
            correlation(**story, traceparent=traceparent),
        ):
            return retry_conflicts(lambda: run(*args, **kwargs)) if self.outermost else run(*args, **kwargs)


def enqueue(name: str, *args: Any) -> None:
    """Wake task `name` once the current transaction has committed.

    Errors are logged and swallowed: a task is a hint, the rows are the record, and a sweep finds what was not done.
    """
    story = current()
    headers = {"correlationid": story.correlation_id, "traceparent": story.traceparent}
    transaction.on_commit(lambda: _send(name, args, headers), robust=True)


def guarded(act: Callable[[], Any], **row: Any) -> Any:
    """One row's part of a sweep, in transactions of its own; what goes wrong is logged, and the others have their turn.

    `row` tells which one it was. Returns what `act` does, or False. Raises what is no row's fault: a database away.
    """
    try:
        return retry_conflicts(act)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        if is_transient(error) and not is_conflict(error):
            raise
        logger.exception("ALARM: a sweep could not do a row", extra={name: str(value) for name, value in row.items()})
        return False


def _send(name: str, args: tuple[Any, ...], headers: dict[str, str | None]) -> None:
    global _away_until
    if time.monotonic() < _away_until:
        return
    try:
        import_string(name).apply_async(args=[str(arg) for arg in args], headers=headers, retry=False)
    except OperationalError:  # kombu's: Redis is away
        _away_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("task %s was not woken, its sweep will find the row; no other is for a while", name)
    except Exception:  # an eager task failed
        logger.warning("task %s was not woken; its sweep will find the row", name, exc_info=True)


@shared_task
def forget_old_requests() -> int:
    """Delete idempotency records older than a day, in short transactions; returns how many went."""
    from chassis.models import IdempotentRequest

    old = IdempotentRequest.objects.filter(created_at__lt=timezone.now() - timedelta(hours=24)).order_by("created_at")
    gone = 0
    while ids := list(old.values_list("pk", flat=True)[:BATCH]):
        gone += IdempotentRequest.objects.filter(pk__in=ids).delete()[0]
    return gone
