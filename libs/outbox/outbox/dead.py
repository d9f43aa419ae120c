"""What a person may do with a dead event: send it again in its old place, or give it up; its key flows again."""

import logging

from django.db import connection, transaction
from django.utils import timezone

from outbox.errors import NotWaiting
from outbox.models import DeadEvent, KeyBlock, OutboxEvent
from outbox.transactions import retry_conflicts
from outbox.wakeup import wake_on_commit

logger = logging.getLogger(__name__)


def waiting() -> list[DeadEvent]:
    """The dead events that nobody has settled yet, oldest first."""
    return list(DeadEvent.objects.filter(replayed_at=None, discarded_at=None).order_by("id"))


def replay(dead_id: int, *, by: str) -> None:
    """Put the event back under its old lane and id with no attempts counted. Raises NotWaiting."""

    def put_back() -> None:
        with transaction.atomic(savepoint=False):
            dead = _locked(dead_id)
            OutboxEvent.objects.create(
                id=dead.row_id,
                **{name: getattr(dead, name) for name in ("lane", "event_id", "topic", "key", "type", "subject")},
                **{name: getattr(dead, name) for name in ("payload", "headers", "created_at")},
            )
            dead.replayed_at, dead.replayed_by = timezone.now(), by
            _settle(dead)

    retry_conflicts(put_back)
    logger.warning("dead event replayed", extra={"dead_id": dead_id, "by": by})


def discard(dead_id: int, *, by: str) -> None:
    """Never send this event; later ones of its key follow. Raises NotWaiting."""

    def give_up() -> None:
        with transaction.atomic(savepoint=False):
            dead = _locked(dead_id)
            dead.discarded_at, dead.discarded_by = timezone.now(), by
            _settle(dead)

    retry_conflicts(give_up)
    logger.warning("dead event discarded", extra={"dead_id": dead_id, "by": by})


def _locked(dead_id: int) -> DeadEvent:
    """The event, under its lane's lock: no relay reads the lane meanwhile."""
    dead = DeadEvent.objects.filter(pk=dead_id).first()
    if dead is None:
        raise NotWaiting(f"there is no dead event {dead_id}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT lane FROM outbox_lane WHERE lane = %s FOR UPDATE", [dead.lane])
    dead = DeadEvent.objects.select_for_update().get(pk=dead_id)
    if dead.replayed_at or dead.discarded_at:
        raise NotWaiting(f"dead event {dead_id} was settled before")
    return dead


def _settle(dead: DeadEvent) -> None:
    dead.save()
    KeyBlock.objects.filter(topic=dead.topic, key=dead.key).delete()
    wake_on_commit()
