"""publish(): events leave in the transaction that changed the state they speak of."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.utils import timezone
from uuid_utils.compat import uuid7

from outbox import schemas
from outbox.conf import conf
from outbox.context import Correlation, current
from outbox.errors import EventRefused, NotInTransaction, PayloadTooLarge, UnknownTopic
from outbox.events import Publishable, encode_headers
from outbox.lanes import lane_of
from outbox.models import OutboxEvent
from outbox.topics import topics
from outbox.wakeup import wake_on_commit

LONGEST_NAME = 255  # characters of a key, a type or a subject
INSERT_BYTES = 8_000_000  # at most this much in one INSERT: MariaDB takes packets of 16 MB


def publish(*events: Publishable) -> list[str]:
    """Write events into the outbox of the open transaction and return their ids, in the given order.

    They reach Kafka if and only if the transaction commits. Lock or update the aggregate's row first: then the order of
    the rows of one key is the order of its commits. Raises NotInTransaction, or an EventRefused: SchemaViolation,
    PayloadTooLarge, UnknownTopic, or itself for a key, type or subject that is too long.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction("publish() must be called inside transaction.atomic()")
    if not events:
        return []
    topic, now, story = _topic(), timezone.now(), current()
    rows = [_row(event, topic, now, story) for event in events]
    largest = max(len(row["payload"]) for row in rows)
    together = max(1, INSERT_BYTES // (4 * largest + 4096))
    with connection.cursor() as cursor:
        for start in range(0, len(rows), together):
            _insert(cursor, rows[start : start + together])
    wake_on_commit()
    return [row["event_id"] for row in rows]


def dumps(data: Mapping[str, Any]) -> str:
    """The JSON of an event's data: UUIDs, dates and decimals as text, no NaN."""
    return json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def pending_count() -> int:
    """How many events wait to be sent: bulk publishers pause above 2,000."""
    return OutboxEvent.objects.count()


def _topic() -> str:
    if not conf.TOPIC:
        raise UnknownTopic(f"{conf.SERVICE} publishes nothing: OUTBOX['TOPIC'] is not set")
    if conf.TOPICS_FILE is not None and conf.TOPIC not in topics():
        raise UnknownTopic(f"the topics file does not know {conf.TOPIC}")
    return conf.TOPIC


def _insert(cursor: Any, rows: list[dict[str, Any]]) -> None:
    """Plain SQL: this runs inside every business transaction, and the ORM would take thrice as long."""
    names = ", ".join(f"`{name}`" for name in rows[0])
    places = ", ".join(["%s"] * len(rows[0]))
    cursor.execute(
        f"INSERT INTO outbox_event ({names}) VALUES {', '.join([f'({places})'] * len(rows))}",  # noqa: S608 constants
        [value for row in rows for value in row.values()],
    )


def _row(event: Publishable, topic: str, now: datetime, story: Correlation) -> dict[str, Any]:
    id, key = str(uuid7()), str(event.key)
    _check_lengths(event, key)
    payload = _encode(event.type, event.data)
    headers = encode_headers(
        id=id,
        type=event.type,
        source=f"/{conf.SERVICE}",
        subject=event.subject,
        time=now,
        schema=schemas.schema_uri(event.type),
        sequence=event.sequence,
        correlationid=story.correlation_id,
        causationid=story.causation_id,
        traceparent=story.traceparent,
    )
    return {
        "lane": lane_of(topic, key),
        "event_id": id,
        "topic": topic,
        "key": key,
        "type": event.type,
        "subject": event.subject,
        "payload": payload,
        "headers": json.dumps(headers, ensure_ascii=False),
        "created_at": now.astimezone(UTC).replace(tzinfo=None),
        "attempts": 0,
        "last_error": "",
    }


def _check_lengths(event: Publishable, key: str) -> None:
    for name, text in (("key", key), ("type", event.type), ("subject", event.subject)):
        if len(text) > LONGEST_NAME or (not text and name != "subject"):
            raise EventRefused(
                f"the {name} of {event.type} has {len(text)} characters, 1 to {LONGEST_NAME} are allowed"
            )


def _encode(type: str, data: Mapping[str, Any]) -> str:
    """The JSON text; what is checked against the schema is what a consumer will parse."""
    payload = dumps(data)
    size = len(payload.encode())
    if size > conf.MAX_PAYLOAD_BYTES:
        raise PayloadTooLarge(f"{type} has {size} bytes, {conf.MAX_PAYLOAD_BYTES} are allowed")
    if conf.VALIDATE:
        schemas.validate(type, json.loads(payload))
    return payload
