"""Sending rows, and whose fault it is when one is not acknowledged."""

import json
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from outbox.claims import Row
from outbox.conf import conf
from outbox.errors import BrokerUnavailable, MessageRejected, ProducerDied, PublishError, TopicUnavailable
from outbox.kafka.clients import settings
from outbox.quiet import once_a_minute

logger = logging.getLogger(__name__)
_parse = json.JSONDecoder().decode
Reports = deque[tuple[Row, PublishError | None]]

TOPIC_ERRORS = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.POLICY_VIOLATION,
    }
)
MESSAGE_ERRORS = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_RECORD,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError._BAD_MSG,
        KafkaError._INVALID_ARG,
    }
)


def as_publish_error(error: KafkaError) -> PublishError:
    """Whose fault it is: the message's, the topic's, or (everything else) the broker's."""
    if error.fatal() or error.code() == KafkaError._FATAL:
        return ProducerDied(str(error))
    if error.code() in MESSAGE_ERRORS:
        return MessageRejected(str(error))
    if error.code() in TOPIC_ERRORS:
        return TopicUnavailable(str(error))
    return BrokerUnavailable(str(error))


class KafkaProducer:
    """Sends rows. Not for use by two threads at once."""

    def __init__(self) -> None:
        self._died: ProducerDied | None = None
        self._producer = Producer(
            settings(
                "relay",
                **{
                    "enable.idempotence": bool(conf.IDEMPOTENCE),
                    "acks": "all",
                    "partitioner": "murmur2_random",  # the one Java's clients use
                    "linger.ms": 0,
                    # All of these end before the claim does: a missing topic must not look like an outage.
                    "message.timeout.ms": int(500 * conf.PUBLISH_SECONDS),
                    "request.timeout.ms": int(400 * conf.PUBLISH_SECONDS),
                    "topic.metadata.propagation.max.ms": int(200 * conf.PUBLISH_SECONDS),
                    "error_cb": self._on_error,
                    **conf.PRODUCER,
                },
            )
        )

    def topics(self, seconds: float = 3.0) -> set[str]:
        """The topics that this client may see. Raises BrokerUnavailable or ProducerDied."""
        if self._died:
            raise self._died
        try:
            found = self._producer.list_topics(timeout=seconds).topics
        except KafkaException as error:
            raise BrokerUnavailable(str(error.args[0])) from error
        return {name for name, topic in found.items() if topic.error is None}

    def send(self, row: Row, reports: Reports) -> None:
        """Begin to send; what became of it is appended to `reports` during this or a later call. Never raises."""

        def report(error: KafkaError | None, _: Message) -> None:
            reports.append((row, None if error is None else as_publish_error(error)))

        try:
            message = {
                "topic": row.topic,
                "key": row.key.encode(),
                "value": row.payload.encode(),
                "headers": _parse(row.headers),
            }
            while not self._produce(message, report):
                self._producer.poll(0.1)
        except KafkaException as error:
            reports.append((row, as_publish_error(error.args[0])))
        except (ValueError, TypeError, AttributeError) as error:
            reports.append((row, MessageRejected(f"{type(error).__name__}: {error}")))

    def poll(self, seconds: float) -> None:
        """Wait for reports, at most so long."""
        self._producer.poll(seconds)

    def close(self) -> None:
        """Forget what was not acknowledged: it must not arrive after another relay has taken over."""
        self._producer.purge()
        self._producer.poll(0)

    def _produce(self, message: dict[str, Any], report: Callable[[KafkaError | None, Message], None]) -> bool:
        try:
            self._producer.produce(**message, on_delivery=report)
        except BufferError:
            return False
        return True

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._died = ProducerDied(str(error))
        once_a_minute(logger, logging.WARNING, f"kafka producer: {error.name()}", reason=error.str())
