"""What a person sees: one line per step with its time, and failures that say how to go on."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Failure(Exception):
    """A step that cannot go on: what happened, and what to do about it."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n    What to do: {remedy}")


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step and, when it has ended, the seconds that it took."""
    interactive = sys.stdout.isatty()
    if interactive:
        print(f"  ... {title}", end="", flush=True)
    started = time.monotonic()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        mark = "ok " if outcome == "done" else "!! "
        print(f"{chr(13) if interactive else ''}  {mark} {title} ({time.monotonic() - started:.1f} s)", flush=True)


def note(text: str) -> None:
    """Say something that is neither a step nor a failure."""
    print(f"      {text}", flush=True)
