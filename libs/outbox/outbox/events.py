"""Events: what a producer hands in, what a handler gets, and their CloudEvents 1.0 form on Kafka (binary mode)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from outbox.errors import Undecodable

SPEC_VERSION = "1.0"
HeaderPairs = Iterable[tuple[str, bytes | None]]


class Publishable(Protocol):
    """What publish() takes: any object with these attributes, so that a pure domain can make them."""

    @property
    def type(self) -> str: ...
    @property
    def key(self) -> Any: ...
    @property
    def subject(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Event:
    """What a handler gets. Events are in order per `key`; `sequence` is the aggregate's version, if it has one."""

    id: str
    type: str
    topic: str
    key: str
    subject: str
    sequence: int | None
    time: datetime
    data: dict[str, Any]
    source: str = ""
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A message as it came from Kafka, before anything was understood. `timestamp` is in milliseconds."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes | None
    headers: dict[str, str]
    timestamp: int = 0

    @property
    def type(self) -> str | None:
        return self.headers.get("ce_type")

    @property
    def event_id(self) -> str | None:
        """The event's id when it is one that fits the inbox, else None."""
        value = self.headers.get("ce_id", "")
        return value if 0 < len(value) <= 36 and value.isascii() else None


def encode_headers(
    *,
    id: str,
    type: str,
    source: str,
    subject: str,
    time: datetime,
    schema: str,
    sequence: int | None,
    **others: str | None,
) -> dict[str, str]:
    """The headers of an event; `others` are `traceparent` and extensions such as `correlationid`, if not None."""
    headers = {
        "content-type": "application/json",
        "ce_specversion": SPEC_VERSION,
        "ce_id": id,
        "ce_type": type,
        "ce_source": source,
        "ce_time": time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
    if subject:  # CloudEvents: absent, never empty
        headers["ce_subject"] = subject
    if schema:
        headers["ce_dataschema"] = schema
    if sequence is not None:
        headers["ce_sequence"] = str(sequence)
    for name, value in others.items():
        if value is not None:
            headers[name if name == "traceparent" else f"ce_{name}"] = value
    return headers


def decode_headers(pairs: HeaderPairs | None) -> dict[str, str]:
    """Header names in lower case; bytes that are no UTF-8 are kept readable. The last of equal names wins."""
    return {name.lower(): (value or b"").decode("utf-8", "backslashreplace") for name, value in pairs or ()}


def decode(record: Record) -> Event:
    """The event in a message. Raises Undecodable, saying what is wrong."""
    headers = record.headers
    if not headers.get("ce_specversion", "").startswith("1."):
        raise Undecodable("no CloudEvents 1.x headers")
    if record.event_id is None or not record.type:
        raise Undecodable("ce_id or ce_type is missing or too long")
    try:
        data = json.loads(record.value or b"")
        sequence = int(headers["ce_sequence"]) if headers.get("ce_sequence") else None
        time = datetime.fromisoformat(headers["ce_time"]) if "ce_time" in headers else None
    except (ValueError, RecursionError) as error:
        raise Undecodable(f"{type(error).__name__}: {error}") from error
    if not isinstance(data, dict):
        raise Undecodable("the data is not a JSON object")
    time = time or datetime.fromtimestamp(record.timestamp / 1000, UTC)
    return Event(
        id=record.event_id,
        type=record.type,
        topic=record.topic,
        key=record.key,
        subject=headers.get("ce_subject", ""),
        sequence=sequence,
        time=time if time.tzinfo else time.replace(tzinfo=UTC),
        data=data,
        source=headers.get("ce_source", ""),
        correlation_id=headers.get("ce_correlationid"),
        causation_id=headers.get("ce_causationid"),
        traceparent=headers.get("traceparent"),
    )
