"""Prometheus metrics: counters of this process, and a collector of row counts for the web process."""

from collections.abc import Iterator

from django.db import DatabaseError, connection
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from outbox.conf import conf

PUBLISHED = Counter("outbox_published_total", "Events that Kafka acknowledged", ["topic"])
PUBLISH_ERRORS = Counter("outbox_publish_errors_total", "Events that were not acknowledged", ["topic", "kind"])
EVENTS_HANDLED = Counter("events_handled_total", "Events whose handler succeeded", ["type"])
EVENT_DUPLICATES = Counter("event_duplicates_total", "Events that the inbox knew already", ["topic"])
EVENTS_PARKED = Counter("events_parked_total", "Events that were parked", ["topic"])
CONFLICTS = Counter("database_conflicts_total", "Transactions that a deadlock or a lock wait ended", ["code"])
CONSUMER_LAG = Gauge("consumer_lag", "Messages that wait in a partition", ["group", "topic", "partition"])
CIRCUIT_OPEN = Gauge("outbox_circuit_open", "1 while the relay waits before it tries the broker or database again")
HELD_TOPICS = Gauge("outbox_held_topics", "Topics that are missing or forbidden, whose events wait")
CONSUMER_LAG_SECONDS = Gauge(
    "consumer_lag_seconds", "Age of the last message handled, 0 at the end", ["group", "topic", "partition"]
)

BEHIND = (
    "SELECT TIMESTAMPDIFF(SECOND, MIN(caught_up_at), UTC_TIMESTAMP(6)) FROM consumer_progress"
    " WHERE consumer = %(service)s AND topic IN %(topics)s"
)
ROW_COUNTS = {
    "outbox_pending": ("Events that wait to be sent", "SELECT COUNT(*) FROM outbox_event"),
    "outbox_oldest_pending_seconds": (
        "Age of the oldest event that waits to be sent",
        "SELECT TIMESTAMPDIFF(SECOND, (SELECT created_at FROM outbox_event ORDER BY id LIMIT 1), UTC_TIMESTAMP(6))",
    ),
    "outbox_blocked_keys": ("Keys that wait", "SELECT COUNT(*) FROM outbox_key_block"),
    "outbox_dead": (
        "Dead events that wait for a person",
        "SELECT COUNT(*) FROM outbox_dead WHERE replayed_at IS NULL AND discarded_at IS NULL",
    ),
    "inbox_parked": ("Parked events", "SELECT COUNT(*) FROM inbox_parked"),
    "inbox_oldest_parked_seconds": (
        "Since when the longest parked event waits",
        "SELECT TIMESTAMPDIFF(SECOND, MIN(parked_at), UTC_TIMESTAMP(6)) FROM inbox_parked",
    ),
    "consumer_behind_seconds": (
        "Since when the partition that is furthest behind was not read to its end; told also when no consumer runs",
        BEHIND,
    ),
}


def row_counts() -> dict[str, float]:
    """The figures of ROW_COUNTS, by metric name."""
    figures = {}
    with connection.cursor() as cursor:
        for name, (_, query) in ROW_COUNTS.items():
            asked = {"service": conf.SERVICE, "topics": tuple(conf.SUBSCRIPTIONS) or ("",)}
            cursor.execute(query, asked if "%(" in query else None)
            figures[name] = max(0.0, float(cursor.fetchone()[0] or 0))
    return figures


class RowCounts(Collector):
    """Reads the row counts when it is scraped; without a database it has nothing to say."""

    def describe(self) -> list[GaugeMetricFamily]:
        return [GaugeMetricFamily(name, text) for name, (text, _) in ROW_COUNTS.items()]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            figures = row_counts()
        except DatabaseError:
            return
        for name, (text, _) in ROW_COUNTS.items():
            yield GaugeMetricFamily(name, text, value=figures[name])


def register_row_counts(registry: CollectorRegistry = REGISTRY) -> None:
    """Expose the row counts; for the web process, once."""
    registry.register(RowCounts())
