"""Tasks: waking one after a commit, and the base class that makes them safe to repeat."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import celery
from celery import shared_task
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from outbox.context import correlation
from outbox.transactions import retry_conflicts

from chassis.logs import log_fields

logger = logging.getLogger(__name__)


class Task(celery.Task):
    """Runs its body again when the database chose it as a deadlock's victim; its events carry the task's id.

    A task that speaks with the outside world says `@shared_task(outermost=False)`: it retries its transactions itself,
    so that a call that was made is not made again.
    """

    outermost = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        run = super().__call__
        with log_fields(task=self.name), correlation(correlation_id=self.request.id):
            if self.request.is_eager or not self.outermost:  # joined to whatever transaction the caller has
                return run(*args, **kwargs)
            return retry_conflicts(lambda: run(*args, **kwargs))


def enqueue(name: str, *args: Any) -> None:
    """Wake task `name` once the current transaction has committed.

    Errors are logged and swallowed: a task is a hint, the rows are the record, and a sweep finds what was not done.
    """
    transaction.on_commit(lambda: _send(name, args), robust=True)


def _send(name: str, args: tuple[Any, ...]) -> None:
    try:
        import_string(name).apply_async(args=[str(arg) for arg in args], retry=False)
    except Exception:  # Redis is away, or an eager task failed: the sweep does it
        logger.warning("task %s was not woken; its sweep will find the row", name, exc_info=True)


@shared_task
def forget_old_requests() -> int:
    """Delete idempotency records older than a day; returns how many went."""
    from chassis.models import IdempotentRequest

    old = timezone.now() - timedelta(hours=24)
    ids = list(
        IdempotentRequest.objects.filter(created_at__lt=old).order_by("created_at").values_list("pk", flat=True)[:5000]
    )
    return IdempotentRequest.objects.filter(pk__in=ids).delete()[0]
