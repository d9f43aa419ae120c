"""Celery tasks for Beat: the safety net under the relay, the sweep over parked events, the purge."""

from threading import Lock

from celery import shared_task

from outbox import parked
from outbox.models import OutboxEvent
from outbox.purging import purge
from outbox.relay import Relay

DRAIN_SECONDS = 10.0
_one_at_a_time = Lock()
_relay: Relay | None = None


@shared_task(name="outbox.tasks.publish_outbox_events", ignore_result=True, expires=5)
def publish_outbox_events() -> int:
    """Send what is pending, for at most about 10 s; it alone is enough to deliver everything. Cheap when idle.

    The producer is kept for the next run of this process; a run that meets another in its process leaves it the work.
    """
    global _relay
    if not OutboxEvent.objects.exists() or not _one_at_a_time.acquire(blocking=False):
        return 0
    try:
        _relay = _relay or Relay()
        return _relay.drain(DRAIN_SECONDS).published
    finally:
        if _relay:
            _relay.close(keep_producer=True)
        _one_at_a_time.release()


@shared_task(name="outbox.tasks.retry_parked", ignore_result=True, expires=15)
def retry_parked() -> int:
    """Retry the first parked event of every key that is due; how many events were healed."""
    return parked.retry_due()


@shared_task(name="outbox.tasks.purge_inbox", ignore_result=True)
def purge_inbox() -> int:
    """Forget inbox rows that are older than any topic's retention; how many there were."""
    return purge()
