"""What caused the work that is being done: carried from requests and events into the events that they publish."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from uuid_utils.compat import uuid7


class Correlation(NamedTuple):
    """`correlation_id` names the whole story, `causation_id` the event before this one, `traceparent` the W3C span."""

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


_current: ContextVar[Correlation | None] = ContextVar("outbox_correlation", default=None)


def current() -> Correlation:
    """The correlation of the running request, event or task; a fresh one when nothing set it."""
    return _current.get() or Correlation(str(uuid7()))


@contextmanager
def correlation(
    *, correlation_id: str | None = None, causation_id: str | None = None, traceparent: str | None = None
) -> Iterator[Correlation]:
    """Set what publish() notes down inside the block; without an id a new story begins."""
    value = Correlation(correlation_id or str(uuid7()), causation_id, traceparent)
    token = _current.set(value)
    try:
        yield value
    finally:
        _current.reset(token)
