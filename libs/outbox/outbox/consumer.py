"""The consumer: reads the subscriptions, hands each message to the inbox, and commits its offset after its effect."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event as Flag
from typing import Any

from django.db import DatabaseError, InterfaceError, close_old_connections, connection, transaction
from django.utils import timezone

from outbox import inbox, parked, progress
from outbox.backoff import full_jitter
from outbox.conf import conf
from outbox.crashpoints import reach
from outbox.errors import BrokerUnavailable, Undecodable
from outbox.events import Event, Record, decode
from outbox.metrics import CONSUMER_LAG, CONSUMER_LAG_SECONDS
from outbox.quiet import once_a_minute
from outbox.receiving import handle_one, handle_together
from outbox.transactions import is_conflict, is_transient, retry_conflicts

logger = logging.getLogger(__name__)

BATCH = 100
WAIT = 0.5  # seconds for a first message
COMMIT_EVERY = 1.0  # seconds; what is read again after a crash is known to the inbox
PROGRESS_EVERY = 5.0  # seconds
Partition = tuple[str, int]


class ConsumerLoop:
    """One member of the service's group. For one thread, made after the fork."""

    def __init__(self, make_consumer: Callable[..., Any] | None = None) -> None:
        self._make_consumer = make_consumer or _kafka_consumer
        self._positions: dict[Partition, int] = {}  # the offset to read next, of what was handled
        self._ends_seen: dict[Partition, int] = {}  # where the broker said that there is no more
        self._at_end_at: dict[Partition, float] = {}  # when it was last read to its end, or assigned
        self._assigned: set[Partition] = set()
        self._paused: dict[Partition, float] = {}  # until when
        self._failures: dict[Partition, int] = {}
        self._uncommitted: set[Partition] = set()
        self._commit_at = 0.0
        self._progress_at = 0.0
        # False only when nothing was parked since it was asked last. Nobody but a partition's owner parks its events; a
        # former owner that wakes up parks what this one has handled or will handle itself, and both go in offset order.
        self._may_be_parked = True
        self._look_again_at = 0.0

    def run(self, stop: Flag) -> None:
        """Consume until `stop` is set; then leave the group with everything that was handled committed.

        Errors that pass by themselves (the database away, deadlocks) pause what they touch; others end the loop.
        """
        if not conf.BOOTSTRAP_SERVERS or not conf.SUBSCRIPTIONS:
            once_a_minute(logger, logging.WARNING, "nothing to consume: no brokers or no subscriptions are set")
            stop.wait()
            return
        self._consumer = self._make_consumer(self._on_assigned, self._on_revoked)
        connection.transactions_in_a_row = True  # type: ignore[attr-defined]  # outbox.mysql knows it, others do not
        try:
            while not stop.is_set():
                self._step()
        finally:
            connection.transactions_in_a_row = False  # type: ignore[attr-defined]
            self._consumer.close()

    def _step(self) -> None:
        self._resume_due()
        records, ends = self._consumer.batch(BATCH, WAIT)
        self._ends_seen.update(ends)
        if records:
            mine = self._assigned - self._paused.keys()
            records = [record for record in records if (record.topic, record.partition) in mine]
            self._handle(records)
            reach("consumer.after_commit_before_offset")
        self._commit_due(idle=not records)
        if time.monotonic() >= self._progress_at:
            self._progress_at = time.monotonic() + PROGRESS_EVERY
            close_old_connections()
            self._report_progress()

    def _commit_due(self, *, idle: bool) -> None:
        """Commit what was handled since the last time, about once a second: a crash repeats it, the inbox knows it."""
        if self._uncommitted and (idle or time.monotonic() >= self._commit_at):
            self._commit_at = time.monotonic() + COMMIT_EVERY
            self._consumer.commit({place: self._positions[place] for place in self._uncommitted}, wait=False)
            self._uncommitted.clear()

    def _look_for_parked(self) -> None:
        """Ask now and then whether anything is parked; while nothing is, no event need be looked up."""
        if time.monotonic() < self._look_again_at:
            return
        self._look_again_at = time.monotonic() + PROGRESS_EVERY
        try:
            self._may_be_parked = parked.mine().exists()
        except (DatabaseError, InterfaceError):
            self._may_be_parked = True
            connection.close()

    def _handle(self, records: list[Record]) -> None:
        self._look_for_parked()
        if len(records) > 1 and handle_together(records, look=self._may_be_parked):
            for record in records:
                self._handled(record)
            return
        for record in records:
            partition = (record.topic, record.partition)
            if partition in self._paused:
                continue
            try:
                self._may_be_parked |= handle_one(record, look=self._may_be_parked)
            except Exception as error:
                if not is_transient(error):
                    raise
                self._pause(partition, record.offset, error)
            else:
                self._handled(record)

    def _handled(self, record: Record) -> None:
        partition = (record.topic, record.partition)
        self._positions[partition] = record.offset + 1
        self._uncommitted.add(partition)
        self._failures.pop(partition, None)

    def _pause(self, partition: Partition, offset: int, error: Exception) -> None:
        """Read this partition again from the failed message on, later: the order is kept."""
        if not is_conflict(error):
            connection.close()
        failures = self._failures[partition] = self._failures.get(partition, 0) + 1
        self._paused[partition] = time.monotonic() + full_jitter(failures)
        self._ends_seen.pop(partition, None)
        self._consumer.rewind_and_pause(partition, offset)  # raising ends the loop: the next begins where this one is
        once_a_minute(logger, logging.WARNING, "a partition waits for the database", reason=str(error))

    def _resume_due(self) -> None:
        now = time.monotonic()
        for partition in [partition for partition, until in self._paused.items() if until <= now]:
            del self._paused[partition]
            self._consumer.resume(partition)

    def _report_progress(self) -> None:
        """Note which partitions are read to their end, as of before the brokers were asked for it."""
        moment = timezone.now()
        try:
            ends = self._consumer.ends(self._assigned)
            committed = self._consumer.committed(self._assigned - self._positions.keys() - self._ends_seen.keys())
        except BrokerUnavailable as error:
            once_a_minute(logger, logging.WARNING, "kafka is away, nothing is consumed", reason=str(error))
            return
        known = (self._positions, self._ends_seen, committed)
        lags = {place: max(0, end - max(each.get(place, 0) for each in known)) for place, end in ends.items()}
        at_end = [place for place, lag in lags.items() if not lag and place not in self._paused]
        self._tell_lag(lags, at_end)
        if not at_end:
            return
        try:
            progress.record(at_end, moment)
        except (DatabaseError, InterfaceError) as error:
            if not is_transient(error):
                raise
            connection.close()

    def _tell_lag(self, lags: dict[Partition, int], at_end: list[Partition]) -> None:
        """Messages that wait, and since when the partition was not read to its end."""
        now = time.monotonic()
        self._at_end_at.update(dict.fromkeys(at_end, now))
        for place, lag in lags.items():
            CONSUMER_LAG.labels(conf.SERVICE, *place).set(lag)
            CONSUMER_LAG_SECONDS.labels(conf.SERVICE, *place).set(now - self._at_end_at[place] if lag else 0)

    def _on_assigned(self, partitions: list[Partition]) -> None:
        self._forget(partitions)
        self._may_be_parked, self._look_again_at = True, 0.0
        self._assigned.update(partitions)
        self._at_end_at.update(dict.fromkeys(partitions, time.monotonic()))
        logger.info("partitions assigned", extra={"partitions": len(partitions)})

    def _on_revoked(self, partitions: list[Partition], lost: bool) -> None:
        positions = {partition: self._positions[partition] for partition in partitions if partition in self._positions}
        if positions and not lost:
            self._consumer.commit(positions, wait=True)
        self._forget(partitions)
        self._assigned.difference_update(partitions)
        for place in partitions:
            for gauge in (CONSUMER_LAG, CONSUMER_LAG_SECONDS):
                with suppress(KeyError):  # it was never told
                    gauge.remove(conf.SERVICE, place[0], str(place[1]))  # another member tells it from now on

    def _forget(self, partitions: list[Partition]) -> None:
        self._uncommitted.difference_update(partitions)
        for partition in partitions:
            for known in (self._positions, self._ends_seen, self._at_end_at, self._paused, self._failures):
                known.pop(partition, None)


def rebuild(types: set[str], stop: Flag) -> int:
    """Hand every event of these snapshot types that the topics still hold to its handler again, past the inbox.

    Their handlers drop what is older than what they know. Returns how many there were; raises what a handler raises.
    """
    from outbox.kafka.consuming import read_all

    known, handled = inbox.handlers(), 0
    if types - known.keys():
        raise ValueError(f"no handler for {', '.join(sorted(types - known.keys()))}")
    for records in read_all(conf.SUBSCRIPTIONS, stop):
        events = list(_decodable(record for record in records if record.type in types))
        if events:
            close_old_connections()
            retry_conflicts(lambda events=events: _handle_again(events))  # type: ignore[misc]
            handled += len(events)
    return handled


def _handle_again(events: list[Event]) -> None:
    with transaction.atomic(savepoint=False):
        for event in events:
            inbox.call(inbox.handlers()[event.type], event, timezone.now())


def _decodable(records: Any) -> Any:
    for record in records:
        try:
            yield decode(record)
        except Undecodable as error:
            logger.warning("not rebuilt from", extra={"offset": record.offset, "reason": str(error)})


def _kafka_consumer(*callbacks: Any) -> Any:
    from outbox.kafka.consuming import KafkaConsumer

    return KafkaConsumer(*callbacks)
