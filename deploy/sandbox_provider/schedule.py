"""Runs things at their time, on a few threads; what is to come lives in memory and is scheduled again after a start."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
import traceback
from collections.abc import Callable

THREADS = 8


class Schedule:
    """Thread-safe. What fails is told on stderr and not run again."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()

    def start(self) -> None:
        for number in range(THREADS):
            threading.Thread(target=self._work, name=f"schedule-{number}", daemon=True).start()

    def at(self, due: float, run: Callable[[], None]) -> None:
        """Run this once, at `due` (seconds since 1970) or at once when that is over."""
        with self._changed:
            heapq.heappush(self._waiting, (due, next(self._numbers), run))
            self._changed.notify()

    def _work(self) -> None:
        while True:
            try:
                self._next()()
            except Exception:  # noqa: BLE001 - one that fails must not end the others
                traceback.print_exc()

    def _next(self) -> Callable[[], None]:
        with self._changed:
            while not self._waiting or self._waiting[0][0] > time.time():
                wait = self._waiting[0][0] - time.time() if self._waiting else None
                self._changed.wait(wait)
            return heapq.heappop(self._waiting)[2]
