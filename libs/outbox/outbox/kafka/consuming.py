"""Reading messages: as a member of the service's group, or everything once."""

import logging
from collections.abc import Callable, Iterable, Iterator
from threading import Event as Flag
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from outbox.conf import conf
from outbox.errors import BrokerUnavailable
from outbox.events import Record, decode_headers
from outbox.kafka.clients import settings
from outbox.quiet import once_a_minute

logger = logging.getLogger(__name__)
Partition = tuple[str, int]


class KafkaConsumer:
    """Reads this service's subscriptions in its group; offsets are committed by hand."""

    def __init__(self, assigned: Callable[[list[Partition]], None], revoked: Callable[[list[Partition], bool], None]):
        """`revoked` gets True when the partitions were lost and somebody else may read them already."""
        shared = settings("consumer", error_cb=_log_error)
        self._admin = AdminClient(shared)
        self._consumer = Consumer(
            {
                **shared,
                "group.id": conf.SERVICE,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "topic.metadata.refresh.interval.ms": 5000,  # a topic that is made later is noticed
                **_group_settings(),
                **conf.CONSUMER,
            }
        )
        self._consumer.subscribe(
            conf.SUBSCRIPTIONS,
            on_assign=lambda _, partitions: assigned(_pairs(partitions)),
            on_revoke=lambda _, partitions: revoked(_pairs(partitions), False),
            on_lost=lambda _, partitions: revoked(_pairs(partitions), True),
        )

    def batch(self, size: int, seconds: float) -> tuple[list[Record], dict[Partition, int]]:
        """At most `size` messages, waiting `seconds` for the first; and the ends of partitions that were reached."""
        first = self._consumer.poll(seconds)
        if first is None:
            return [], {}
        return _sorted_out([first, *self._consumer.consume(size - 1, 0)])

    def commit(self, positions: dict[Partition, int], *, wait: bool) -> None:
        """Commit the offsets to read next. A failure is soft: the inbox knows what was handled."""
        try:
            self._consumer.commit(offsets=_offsets(positions), asynchronous=not wait)  # type: ignore[call-overload]
        except KafkaException as error:
            logger.info("offsets were not committed", extra={"reason": str(error)})

    def rewind_and_pause(self, partition: Partition, offset: int) -> None:
        """Read on at `offset`, but not before resume(). Raises BrokerUnavailable if that cannot be promised."""
        try:
            self._consumer.pause([TopicPartition(*partition)])
            self._consumer.seek(TopicPartition(*partition, offset))
        except KafkaException as error:
            raise BrokerUnavailable(str(error.args[0])) from error

    def resume(self, partition: Partition) -> None:
        """Read a paused partition again."""
        try:
            self._consumer.resume([TopicPartition(*partition)])
        except KafkaException as error:
            logger.info("not resumed", extra={"partition": partition, "reason": str(error)})

    def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The offsets after the last messages, asked of the brokers now. Raises BrokerUnavailable."""
        asked = {TopicPartition(*partition): OffsetSpec.latest() for partition in partitions}
        try:
            answers = self._admin.list_offsets(asked, request_timeout=3) if asked else {}
            return {(each.topic, each.partition): future.result().offset for each, future in answers.items()}
        except KafkaException as error:
            raise BrokerUnavailable(str(error.args[0])) from error

    def committed(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Where the group has got to; a partition that it never committed is left out. Raises BrokerUnavailable."""
        try:
            found = self._consumer.committed([TopicPartition(*partition) for partition in partitions], timeout=3)
        except KafkaException as error:
            raise BrokerUnavailable(str(error.args[0])) from error
        return {(each.topic, each.partition): each.offset for each in found if each.offset >= 0}

    def close(self) -> None:
        """Leave the group; what is revoked is committed."""
        self._consumer.close()


def _group_settings() -> dict[str, Any]:
    """Both protocols move only the partitions that have to; the new one keeps its timeouts on the broker."""
    if conf.GROUP_PROTOCOL == "consumer":
        return {"group.protocol": "consumer"}
    return {
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 10000,
        "heartbeat.interval.ms": 2000,
    }


def read_all(topics: list[str], stop: Flag) -> Iterator[list[Record]]:
    """Batches of everything that the topics hold now, in order per partition; no group, no offsets."""
    consumer = Consumer(settings("rebuild", **{"group.id": f"{conf.SERVICE}-rebuild", "enable.partition.eof": True}))
    try:
        described = consumer.list_topics(timeout=10).topics
        left = {(name, number) for name in topics if name in described for number in described[name].partitions}
        consumer.assign([TopicPartition(*partition, OFFSET_BEGINNING) for partition in left])
        while left and not stop.is_set():
            records, ends = _sorted_out(consumer.consume(500, 0.2))
            left -= ends.keys()
            yield records
    except KafkaException as error:
        raise BrokerUnavailable(str(error.args[0])) from error
    finally:
        consumer.close()


def _sorted_out(messages: list[Message]) -> tuple[list[Record], dict[Partition, int]]:
    records: list[Record] = []
    ends: dict[Partition, int] = {}
    for message in messages:
        error = message.error()
        if error is None:
            records.append(_record(message))
        elif error.code() == KafkaError._PARTITION_EOF:
            ends[message.topic(), message.partition()] = message.offset()  # type: ignore[index, assignment]
        elif error.fatal():
            raise KafkaException(error)
        else:
            _log_error(error)
    return records, ends


def _record(message: Message) -> Record:
    return Record(
        topic=message.topic(),  # type: ignore[arg-type]  # a record without an error has all of these
        partition=message.partition(),  # type: ignore[arg-type]
        offset=message.offset(),  # type: ignore[arg-type]
        key=(message.key() or b"").decode("utf-8", "backslashreplace"),
        value=message.value(),
        headers=decode_headers(message.headers()),  # type: ignore[arg-type]
        timestamp=message.timestamp()[1],
    )


def _pairs(partitions: Iterable[TopicPartition]) -> list[Partition]:
    return [(each.topic, each.partition) for each in partitions]


def _offsets(positions: dict[Partition, int]) -> list[TopicPartition]:
    return [TopicPartition(*partition, offset) for partition, offset in positions.items()]


def _log_error(error: KafkaError) -> None:
    once_a_minute(logger, logging.WARNING, f"kafka consumer: {error.name()}", reason=error.str())
