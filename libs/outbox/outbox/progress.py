"""How far this service's consumer has read: the question to ask before concluding that something never happened."""

from collections.abc import Iterable
from datetime import datetime

from outbox.conf import conf
from outbox.models import ConsumerProgress
from outbox.topics import topics as known_topics


def caught_up_since(moment: datetime, topics: Iterable[str]) -> bool:
    """True when every partition of these topics was seen read to its end later than `moment`.

    Partitions are those of the topics file; without one, those that this consumer has ever reported (at least one).
    """
    known = known_topics()
    for topic in topics:
        rows = ConsumerProgress.objects.filter(consumer=conf.SERVICE, topic=topic)
        expected = known[topic].partitions if topic in known else max(1, rows.count())
        if rows.filter(caught_up_at__gt=moment).count() < expected:
            return False
    return True


def record(partitions: Iterable[tuple[str, int]], moment: datetime) -> None:
    """Note that these (topic, partition) were at their end at `moment`."""
    ConsumerProgress.objects.bulk_create(
        [
            ConsumerProgress(consumer=conf.SERVICE, topic=topic, partition=partition, caught_up_at=moment)
            for topic, partition in partitions
        ],
        update_conflicts=True,
        update_fields=["caught_up_at"],
    )
