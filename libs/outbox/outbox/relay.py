"""The relay: sends pending rows to Kafka in the order of their keys and deletes what was acknowledged."""

import logging
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from threading import Event as Flag
from typing import Any, Protocol

from django.db import DatabaseError, InterfaceError

from outbox import wakeup
from outbox.backoff import full_jitter
from outbox.claims import Row, Session, busy_lanes, count_failure, delete_acknowledged, lock_lanes, read_rows
from outbox.conf import conf
from outbox.crashpoints import is_armed, reach
from outbox.errors import BrokerUnavailable, MessageRejected, ProducerDied, PublishError, TopicUnavailable
from outbox.lanes import LANES
from outbox.metrics import CIRCUIT_OPEN, HELD_TOPICS, PUBLISH_ERRORS, PUBLISHED
from outbox.quiet import once_a_minute
from outbox.transactions import is_conflict, is_transient

logger = logging.getLogger(__name__)

RUN_SECONDS = 5.0  # a run ends, and is logged, after that
SENDING_WINDOW = 0.4  # share of PUBLISH_SECONDS in which a key's next event is still begun
TOPICS_ARE_FRESH = 30.0  # seconds between two looks at the broker's topics
TOPIC_IS_HELD = 15.0  # seconds before a missing or forbidden topic is tried again


class RowProducer(Protocol):
    """What the relay needs of a producer; see outbox.kafka.producing.KafkaProducer."""

    def topics(self) -> set[str]: ...
    def send(self, row: Row, reports: deque[tuple[Row, PublishError | None]]) -> None: ...
    def poll(self, seconds: float) -> None: ...
    def close(self) -> None: ...


@dataclass
class Totals:
    """What one run did; `oldest_seconds` is the age of the oldest event claimed, `out_of_time`: more may be pending."""

    claimed: int = 0
    published: int = 0
    failed: int = 0
    dead: int = 0
    oldest_seconds: float = 0.0
    out_of_time: bool = False


@dataclass
class Sent:
    """What became of the rows that were begun; the others stay as they are."""

    acknowledged: list[Row] = field(default_factory=list)
    failures: list[tuple[Row, PublishError]] = field(default_factory=list)


def send_in_order(producer: RowProducer, rows: list[Row], seconds: float = 10.0, stop: Flag | None = None) -> Sent:
    """One event per key in flight, all keys at once; a key stops at its failure, all stop in an outage.

    After `seconds` nothing more is waited for. Once `stop` is set nothing more is begun; what is in flight is awaited.
    """
    queues: dict[tuple[str, str], deque[Row]] = {}
    for row in rows:
        queues.setdefault((row.topic, row.key), deque()).append(row)
    reports: deque[tuple[Row, PublishError | None]] = deque()
    sent, began, window, outage = Sent(), time.monotonic(), SENDING_WINDOW * seconds, False
    in_flight, mid_batch = {}, is_armed("relay.mid_batch")
    for key, queue in queues.items():
        in_flight[key] = queue.popleft()
        producer.send(in_flight[key], reports)
    while in_flight:
        if not reports:
            producer.poll(0.1)
            if not reports and time.monotonic() - began > seconds:
                sent.failures += [(row, ProducerDied("no report in time")) for row in in_flight.values()]
                break
            continue
        row, error = reports.popleft()
        key = (row.topic, row.key)
        del in_flight[key]
        if error is not None:
            sent.failures.append((row, error))
            outage = outage or isinstance(error, BrokerUnavailable)
            continue
        sent.acknowledged.append(row)
        if mid_batch:
            reach("relay.mid_batch")
        if queues[key] and not outage and not (stop and stop.is_set()) and time.monotonic() - began < window:
            in_flight[key] = queues[key].popleft()
            producer.send(in_flight[key], reports)
    return sent


class Relay:
    """Keeps a producer and a database session between runs. For one thread at a time, made after the fork."""

    def __init__(self, make_producer: Callable[[], RowProducer] | None = None) -> None:
        self._make_producer = make_producer or _kafka_producer
        self._producer: RowProducer | None = None
        self._session = Session()
        self._start = 0
        self._failures = 0
        self._not_before = 0.0
        self._topics: set[str] = set()
        self._topics_seen_at = float("-inf")
        self._held: dict[str, float] = {}

    def run(self, stop: Flag) -> None:
        """Send whatever is committed, as soon as it is, until `stop` is set."""
        try:
            while not stop.is_set():
                totals = self.drain(RUN_SECONDS, stop)
                pause = self._not_before - time.monotonic()
                if pause > 0:
                    stop.wait(pause)
                elif not totals.out_of_time:
                    wakeup.wait(1.0, stop)
        finally:
            self.close()

    def drain(self, seconds: float, stop: Flag | None = None) -> Totals:
        """Send until nothing more can be sent now, or for about `seconds`; in an outage return at once.

        Raises only database errors that do not pass by themselves.
        """
        totals, began = Totals(), time.monotonic()
        if not conf.BOOTSTRAP_SERVERS:
            once_a_minute(logger, logging.WARNING, "OUTBOX['BOOTSTRAP_SERVERS'] is empty: events stay pending")
            return totals
        try:
            empty_rounds = 0
            while empty_rounds < 2 and time.monotonic() > self._not_before and not (stop and stop.is_set()):
                if time.monotonic() >= began + seconds:
                    totals.out_of_time = True
                    break
                done = self._round(totals, stop)
                if done is None:
                    break
                empty_rounds = 0 if done else empty_rounds + 1
        except BrokerUnavailable as error:
            self._back_off(error)
        except (DatabaseError, InterfaceError) as error:
            if not is_transient(error):
                raise
            if not is_conflict(error):
                self._back_off(error)
        self._log(totals, began)
        return totals

    def close(self, *, keep_producer: bool = False) -> None:
        """Give the database connection back, and the producer too unless it is to be kept for the next run."""
        self._session.close()
        if not keep_producer:
            self._drop_producer()

    def _round(self, totals: Totals, stop: Flag | None) -> bool | None:
        """One claim: lock lanes, send, delete what was acknowledged, commit.

        None when nothing is pending, False when nothing of it could be sent now.
        """
        now = time.monotonic()
        self._held = {topic: until for topic, until in self._held.items() if until > now}
        HELD_TOPICS.set(len(self._held))
        with self._session.transaction() as cursor:
            busy = busy_lanes(cursor)
            if not busy:
                return None
            producer = self._ready_producer()
            lanes = lock_lanes(cursor, self._start, busy)
            self._start = (self._start + LANES // 2) % LANES
            rows = read_rows(cursor, lanes, conf.BATCH_SIZE, self._held)
            rows = self._writable(rows, producer)
            if not rows:
                return False
            reach("relay.after_claim")
            sent = send_in_order(producer, rows, conf.PUBLISH_SECONDS, stop)
            reach("relay.after_ack_before_delete")
            delete_acknowledged(cursor, sent.acknowledged)
            dead = self._count_failures(cursor, sent)
            reach("relay.after_delete_before_commit")
        self._account(totals, rows, sent, dead)
        self._react(sent)
        return bool(sent.acknowledged) or any(isinstance(error, MessageRejected) for _, error in sent.failures)

    def _ready_producer(self) -> RowProducer:
        if self._producer is None:
            self._producer = self._make_producer()
        if time.monotonic() - self._topics_seen_at > TOPICS_ARE_FRESH:
            self._look_at_topics(self._producer)
        return self._producer

    def _look_at_topics(self, producer: RowProducer) -> None:
        try:
            self._topics = producer.topics()
        except ProducerDied:
            self._drop_producer()
            raise
        self._topics_seen_at = time.monotonic()

    def _writable(self, rows: list[Row], producer: RowProducer) -> list[Row]:
        """The rows whose topic is there; one that is not, also when looked for again, is held."""
        wanted = {row.topic for row in rows}
        if wanted - self._topics:
            self._look_at_topics(producer)
        for topic in wanted - self._topics:
            self._hold(topic, "the broker does not know it, or hides it")
        return [row for row in rows if row.topic in self._topics]

    def _hold(self, topic: str, reason: str) -> None:
        self._held[topic] = time.monotonic() + TOPIC_IS_HELD
        HELD_TOPICS.set(len(self._held))
        once_a_minute(logger, logging.ERROR, f"topic {topic} cannot be written, its events wait", reason=reason)

    def _count_failures(self, cursor: Any, sent: Sent) -> int:
        dead = 0
        for row, error in sent.failures:
            if isinstance(error, MessageRejected):
                buried = count_failure(cursor, row, str(error), conf.MAX_ATTEMPTS)
                dead += buried
                logger.error(
                    "event is dead, its key waits for a person" if buried else "event was refused, its key waits",
                    extra={"topic": row.topic, "key": row.key, "type": row.type, "reason": str(error)},
                )
        return dead

    def _react(self, sent: Sent) -> None:
        """An outage: back off. A dead producer: build another. A topic that is missing or forbidden: hold it."""
        for row, error in sent.failures:
            PUBLISH_ERRORS.labels(row.topic, type(error).__name__).inc()
            if isinstance(error, TopicUnavailable):
                self._hold(row.topic, str(error))
        outages = [error for _, error in sent.failures if isinstance(error, BrokerUnavailable)]
        if sent.acknowledged or not outages:
            self._failures = 0
            CIRCUIT_OPEN.set(0)
        if any(isinstance(error, ProducerDied) for error in outages):
            self._drop_producer()
        if outages:
            self._back_off(outages[0])

    def _back_off(self, error: Exception) -> None:
        self._failures += 1
        self._not_before = time.monotonic() + full_jitter(self._failures)
        self._topics_seen_at = float("-inf")
        CIRCUIT_OPEN.set(1)
        kind = "kafka" if isinstance(error, BrokerUnavailable) else "the database"
        once_a_minute(logger, logging.WARNING, f"{kind} is away, events wait", reason=str(error))

    def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        self._topics_seen_at = float("-inf")
        if producer is not None:
            producer.close()

    def _account(self, totals: Totals, rows: list[Row], sent: Sent, dead: int) -> None:
        written = datetime.fromisoformat(min(row.created_at for row in rows))
        oldest = datetime.now(UTC).replace(tzinfo=None) - written
        totals.claimed += len(rows)
        totals.published += len(sent.acknowledged)
        totals.failed += len(sent.failures)
        totals.dead += dead
        totals.oldest_seconds = max(totals.oldest_seconds, round(oldest.total_seconds(), 3))
        for topic, count in Counter(row.topic for row in sent.acknowledged).items():
            PUBLISHED.labels(topic).inc(count)

    def _log(self, totals: Totals, began: float) -> None:
        if totals.claimed:
            figures = asdict(totals) | {"duration": round(time.monotonic() - began, 4)}
            logger.info("outbox drained", extra=figures)


def _kafka_producer() -> RowProducer:
    from outbox.kafka.producing import KafkaProducer  # only processes that send load librdkafka

    return KafkaProducer()
