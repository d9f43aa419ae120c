"""I4 and I5: what the topics hold against what each consumer's inbox has, and in which order it came there.

Reads every uncompacted topic from its beginning, so it is asked after a fault or a soak, not every minute.
"""

from __future__ import annotations

import re
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

ROOT = Path(__file__).resolve().parents[2]
HANDLED = re.compile(r'^    "(crossborder\.[a-z_.]+\.v1)": ', re.M)
QUESTIONS = ("I4 an event was not handled", "I5 a key's events were handled out of order")
SILENCE = 10.0  # seconds without a record before a topic's end that make the reader give up


class Record(NamedTuple):
    topic: str
    partition: int
    offset: int
    at: float  # seconds since the epoch
    key: str
    id: str
    type: str


def violations(variables: dict[str, str], connection: Any, *, settled: int) -> dict[str, list[tuple]]:
    """What a consumer has not handled, and keys whose events it handled out of order; at most 20 of each.

    A type counts from the first event of it that the service has handled: it may have begun to listen later.
    """
    now = _now(connection)
    records = list(read_topics(variables["KAFKA_BOOTSTRAP_SERVERS"]))
    missing, disordered = [], []
    for service, types in handled_types().items():
        wanted = [record for record in records if record.type in types and record.at < now - settled]
        entered = _inbox(connection, service)
        waiting = _parked(connection, service)
        missing += [
            (service, record.topic, record.partition, record.offset, record.key, record.type)
            for record in _since_first_handled(wanted, entered)
            if record.id not in entered and record.id not in waiting
        ]
        disordered += [(service, *pair) for pair in _out_of_order(wanted, entered)]
    return {name: rows[:20] for name, rows in zip(QUESTIONS, (missing, disordered), strict=True) if rows}


def read_topics(servers: str) -> Iterator[Record]:
    """Every record that the uncompacted topics hold now, in order per partition."""
    topics = tomllib.loads((ROOT / "deploy" / "topics.toml").read_text())["topic"]
    names = [topic["name"] for topic in topics if topic.get("cleanup") != "compact"]
    reader = Consumer(
        {"bootstrap.servers": servers, "group.id": "audit", "enable.partition.eof": True, "log_level": 0}  # it raises
    )
    try:
        known = reader.list_topics(timeout=10).topics
        left = {(name, number) for name in names if name in known for number in known[name].partitions}
        reader.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in left])
        deadline = time.monotonic() + SILENCE
        while left:
            messages = reader.consume(1000, 0.2)  # waits for as many, or all of this time
            if messages:
                deadline = time.monotonic() + SILENCE
            elif time.monotonic() > deadline:
                raise TimeoutError(f"the topics could not be read to their ends: {sorted(left)}")
            for message in messages:
                error = message.error()
                if error is None:
                    yield _record(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard((message.topic(), message.partition()))
                else:
                    raise KafkaException(error)
    finally:
        reader.close()


def handled_types() -> dict[str, set[str]]:
    """What each service says that it handles: the keys of its HANDLERS; users' events are on a compacted topic."""
    found = {}
    for file in ROOT.glob("services/*/*/consumers.py"):
        types = {type for type in HANDLED.findall(file.read_text()) if not type.startswith("crossborder.user.")}
        found[file.parent.name] = types
    return found


def _record(message: Any) -> Record:
    headers = {name: (value or b"").decode() for name, value in message.headers() or []}
    at = message.timestamp()[1] / 1000
    place = (message.topic(), message.partition(), message.offset())
    return Record(*place, at, (message.key() or b"").decode(), headers.get("ce_id", ""), headers.get("ce_type", ""))


def _since_first_handled(records: list[Record], entered: dict[str, Any]) -> Iterator[Record]:
    first: dict[str, float] = {}
    for record in records:
        if record.id in entered:
            first[record.type] = min(record.at, first.get(record.type, record.at))
    return (record for record in records if record.at >= first.get(record.type, float("inf")))


def _out_of_order(records: list[Record], entered: dict[str, Any]) -> Iterator[tuple]:
    """Pairs of events of one key, the later of which was handled first."""
    by_key: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for record in records:
        by_key[record.topic, record.key].setdefault(record.id)
    for (topic, key), ids in by_key.items():
        times = [(entered[id], id) for id in ids if id in entered]
        for (before, first), (after, second) in pairwise(times):
            if after < before:
                yield topic, key, first, second


def _inbox(connection: Any, service: str) -> dict[str, Any]:
    cursor = connection.cursor()
    cursor.execute(f"SELECT event_id, received_at FROM crossborder_{service}.inbox WHERE consumer = %s", [service])
    return dict(cursor.fetchall())


def _parked(connection: Any, service: str) -> set[str]:
    cursor = connection.cursor()
    cursor.execute(f"SELECT event_id FROM crossborder_{service}.inbox_parked WHERE consumer = %s", [service])
    return {id for (id,) in cursor.fetchall()}


def _now(connection: Any) -> float:
    cursor = connection.cursor()
    cursor.execute("SELECT UNIX_TIMESTAMP(UTC_TIMESTAMP(6))")
    return float(cursor.fetchone()[0])
