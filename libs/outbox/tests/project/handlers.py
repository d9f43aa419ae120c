"""What the test service reacts to; `moods` makes a handler fail on demand."""

from collections.abc import Callable
from datetime import datetime

from outbox.events import Event

from project.models import Diary
from project.writing import COUNTED

moods: dict[tuple[str, int], Callable[[], None]] = {}  # (key, number) -> what happens after the effect


def on_counted(event: Event, *, now: datetime) -> None:
    """Write the number into the diary."""
    Diary.objects.create(key=event.key, number=event.data["number"])
    moods.get((event.key, event.data["number"]), lambda: None)()


HANDLERS = {COUNTED: on_counted}
