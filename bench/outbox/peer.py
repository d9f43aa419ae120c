"""django-outbox-pattern 3.2 with Kafka in STOMP's place: its own loop, its own table, its own statements.

`send` is what its loop waits for before it marks a row as succeeded. With PEER_FLUSH=1 it returns when Kafka has
acknowledged the message: that is as safe as our relay. Without, it returns at once, as STOMP without receipts does: a
row is then marked as succeeded that the broker may never have seen.
"""

import os
from typing import Any

from confluent_kafka import Producer
from django.conf import settings


class KafkaInsteadOfStomp:
    """What its Producer asks of a connection."""

    def __init__(self, **_: Any) -> None:
        self._flush = os.environ.get("PEER_FLUSH") == "1"
        self._producer: Producer | None = None

    def send(self, *, body: str, destination: str, headers: dict, **_: Any) -> None:
        if self._producer is None:
            servers = {"bootstrap.servers": settings.OUTBOX["BOOTSTRAP_SERVERS"]}
            self._producer = Producer({**servers, "enable.idempotence": True, "acks": "all", "linger.ms": 0})
        pairs = {name: str(value) for name, value in headers.items()}
        self._producer.produce(settings.TOPIC, body.encode(), headers=pairs)
        if self._flush:
            self._producer.flush()
        else:
            self._producer.poll(0)

    def flush(self) -> None:
        if self._producer is not None:
            self._producer.flush()

    def connect(self, *_: Any, **__: Any) -> None: ...
    def disconnect(self, *_: Any, **__: Any) -> None: ...
    def set_listener(self, *_: Any) -> None: ...
    def remove_listener(self, *_: Any) -> None: ...
    def is_connected(self) -> bool:
        return True
