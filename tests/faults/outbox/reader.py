"""The independent reader: it knows Kafka, SQL and the promise, and nothing of the library."""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

Rows = Callable[[str], list[tuple]]


@dataclass(frozen=True)
class Message:
    """What lies on the topic."""

    id: str
    key: str
    data: dict[str, Any]


def read_topic(servers: str, topic: str) -> list[Message]:
    """Everything on the topic, each partition in its order."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "reader", "enable.partition.eof": True})
    try:
        left = set(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in left])
        found = []
        while left:
            for message in consumer.consume(1000, 0.5):
                error = message.error()
                if error is None:
                    id = dict(message.headers())["ce_id"].decode()
                    found.append(Message(id, message.key().decode(), json.loads(message.value())))
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(message.partition())
        return found
    finally:
        consumer.close()


def violations(messages: list[Message], rows: Rows) -> list[str]:
    """What breaks the promise, in words; empty when all is well. `rows` answers a query of the database."""
    truth: dict[str, int] = dict(rows("SELECT `key`, version FROM counter WHERE version > 0"))
    found = [f"rolled back, but on the topic: {message}" for message in messages if not message.data["kept"]]
    published: dict[str, list[int]] = defaultdict(list)
    seen: set[str] = set()
    for message in messages:
        if message.id not in seen:
            seen.add(message.id)
            published[message.key].append(message.data["number"])
    effects: dict[str, list[int]] = defaultdict(list)
    for key, number in rows("SELECT `key`, number FROM effect ORDER BY id"):
        effects[key].append(number)
    for key, version in truth.items():
        found += _compare(f"events of {key}", published.pop(key, []), version)
        found += _compare(f"effects of {key}", effects.pop(key, []), version)
        found += _compare(f"events that the handler published for {key}", published.pop(f"echo-{key}", []), version)
    found += [f"nobody wrote {what}" for what in (*published, *effects)]
    return found


def _compare(what: str, numbers: list[int], version: int) -> list[str]:
    expected = list(range(1, version + 1))
    if numbers == expected:
        return []
    if missing := set(expected) - set(numbers):
        return [f"{what}: lost {sorted(missing)[:5]} ({len(missing)} of {version})"]
    if len(set(numbers)) < len(numbers):
        return [f"{what}: happened twice {sorted(n for n in set(numbers) if numbers.count(n) > 1)[:5]}"]
    if set(numbers) - set(expected):
        return [f"{what}: were never committed {sorted(set(numbers) - set(expected))[:5]}"]
    first = next(place for place, number in enumerate(numbers) if number != expected[place])
    return [f"{what}: out of order from {numbers[max(0, first - 1) : first + 4]} on"]
