"""What the service does with its own events: an effect, and an event about it, in the transaction of the inbox."""

import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from outbox.events import Event
from outbox.publishing import publish

from .models import Effect, Mood

COUNTED = "test.counter.counted.v1"
ECHOED = "test.counter.echoed.v1"


@dataclass(frozen=True)
class Said:
    """An event of these tests."""

    type: str
    key: str
    sequence: int
    data: dict[str, Any]

    @property
    def subject(self) -> str:
        return f"counter/{self.key}"


def on_counted(event: Event, *, now: datetime) -> None:
    """Write the effect down and echo it. The file named by GATE holds the handler back while it exists."""
    if Mood.objects.filter(key=event.key).exists():
        raise ValueError("this key's handler is broken")
    Effect.objects.create(key=event.key, number=event.data["number"])
    publish(Said(ECHOED, f"echo-{event.key}", event.data["number"], {"number": event.data["number"], "kept": True}))
    gate = os.environ.get("GATE")
    while gate and Path(gate).exists():
        time.sleep(0.02)


HANDLERS = {COUNTED: on_counted}
