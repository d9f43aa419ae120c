"""Beat that cannot run twice: django-celery-beat's scheduler behind a lock held in the database."""

from __future__ import annotations

import logging
import signal
from typing import Any

from celery.signals import beat_init
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django_celery_beat.schedulers import DatabaseScheduler

logger = logging.getLogger(__name__)
STANDBY_SECONDS = 5.0
LEAST_SECONDS = 0.01  # Celery wakes that much too early, and would ask again without a pause until the time has come


class GuardedScheduler(DatabaseScheduler):
    """Sends tasks only while it holds GET_LOCK on a connection of its own, asked for again on every tick.

    A second Beat stands by; when the first dies, its connection ends and with it the lock.
    """

    def __init__(self, *args, **kwargs):
        self._guard = None
        self._leading = False
        super().__init__(*args, **kwargs)

    def tick(self, *args, **kwargs) -> float:
        if not self._holds_lock():
            return STANDBY_SECONDS
        delay = super().tick(*args, **kwargs)
        return max(delay, LEAST_SECONDS) if delay else 0.0  # 0: something was sent, more may be due

    def _holds_lock(self) -> bool:
        name = f"{settings.SERVICE}:beat"
        try:
            if self._guard is None:
                self._guard = connections.create_connection("default")
            with self._guard.cursor() as cursor:
                cursor.execute("SELECT IS_USED_LOCK(%s) = CONNECTION_ID()", [name])
                holds = bool(cursor.fetchone()[0])
                if not holds:
                    cursor.execute("SELECT GET_LOCK(%s, 0)", [name])
                    holds = cursor.fetchone()[0] == 1
        except (DatabaseError, InterfaceError):
            logger.warning("beat cannot reach the database; it stands by", exc_info=True)
            self._guard, holds = None, False
        if holds != self._leading:
            logger.info("beat %s", "leads" if holds else "stands by: another one holds the lock")
            self._leading = holds
        return holds


@beat_init.connect
def end_after_the_tick(sender: Any, **kwargs: Any) -> None:
    """A signal lets the tick under way finish (at most 5 s).

    Celery's handler raises SystemExit wherever the signal finds it; lost in the middle of a send, it left a Beat that
    went on until it was killed.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sender.stop())
