"""The measured processes: `python -m bench.outbox.work ROLE`. Each says "ready", waits to be told, ends with JSON."""

import json
import os
import resource
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.outbox.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from outbox import consumer, relay  # noqa: E402
from outbox.errors import PublishError  # noqa: E402

from bench.outbox.shop import placing  # noqa: E402

Figures = dict[str, Any]


def begin() -> None:
    """Tell that everything is loaded, and wait for the word."""
    print("ready", flush=True)
    sys.stdin.readline()


def until_told() -> threading.Event:
    """Set when the other side says so or is gone."""
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    return stop


def run_relay() -> Figures:
    """A relay as in production, warm, until it is told to stop."""
    from outbox.kafka.producing import KafkaProducer

    producer = KafkaProducer()
    producer.topics()
    last = 0.0

    class NotingRelay(relay.Relay):
        """Knows when it deleted its last row."""

        def _react(self, sent: relay.Sent) -> None:
            nonlocal last
            last = time.monotonic() if sent.acknowledged else last
            super()._react(sent)

    begin()
    NotingRelay(lambda: producer).run(until_told())
    return {"last": last}


def run_unordered() -> Figures:
    """The same relay, sending everything at once."""
    relay.send_in_order = send_at_once
    return run_relay()


def send_at_once(producer: Any, rows: list, seconds: float = 10.0, stop: Any = None) -> relay.Sent:
    """What send_in_order would be without its promise."""
    reports: deque = deque()
    sent, left = relay.Sent(), len(rows)
    for row in rows:
        producer.send(row, reports)
    while left:
        if not reports:
            producer.poll(0.1)
            continue
        row, error = reports.popleft()
        left -= 1
        if error is None:
            sent.acknowledged.append(row)
        else:
            sent.failures.append((row, error))
    return sent


def run_noting_relay() -> Figures:
    """A relay that notes when each message was acknowledged."""
    from outbox.kafka.producing import KafkaProducer

    noted: dict[str, float] = {}

    class Reports(deque):
        """Notes the moment, then passes on."""

        def __init__(self, others: deque) -> None:
            self.others = others

        def append(self, pair: tuple[Any, PublishError | None]) -> None:
            noted[pair[0].key] = time.time()
            self.others.append(pair)

    class NotingProducer(KafkaProducer):
        def send(self, row: Any, reports: deque) -> None:
            super().send(row, Reports(reports))

    producer = NotingProducer()
    producer.topics()
    begin()
    relay.Relay(lambda: producer).run(until_told())
    return {"acknowledged": noted}


def run_steady(rate: float, seconds: float) -> Figures:
    """Commit events at a steady rate; when each was committed."""
    committed: dict[str, float] = {}
    connection.ensure_connection()
    begin()
    began = time.monotonic()
    for number in range(int(rate * seconds)):
        wait = began + number / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        key = f"steady-{number}"
        with transaction.atomic(savepoint=False):
            transaction.on_commit(lambda key=key: committed.__setitem__(key, time.time()))
            placing.publish(placing.Placed(key, {"order_id": number, "number": key, "total": TOTAL, "lines": []}))
    return {"committed": committed}


TOTAL = {"amount_minor": 12999, "currency": "EUR"}


def run_peer() -> Figures:
    """django-outbox-pattern's own loop, until nothing is left to publish."""
    from django_outbox_pattern.factories import factory_producer
    from django_outbox_pattern.models import Published

    producer = factory_producer()
    begin()
    while Published.objects.filter(status=1).exists():
        producer.publish_message_from_database()
    producer.connection.flush()
    return {}


def run_consumer(batch: str) -> Figures:
    """The consumer as in production, at most `batch` events at a time; when it had handled how many."""
    moments: list[float] = []

    class NotingConsumer(consumer.ConsumerLoop):
        """Knows when each event was handled."""

        def _handled(self, record: Any) -> None:
            moments.append(time.monotonic())
            super()._handled(record)

    consumer.BATCH = int(batch)
    begin()
    NotingConsumer().run(until_told())
    return {"moments": moments}


def run_updates(count: str, inbox: str) -> Figures:
    """The database's own rate of the handler's UPDATE, with or without the inbox row: the bare driver."""
    from bench.outbox.shop.handlers import UPDATE

    connection.ensure_connection()
    raw = connection.connection
    raw.autocommit(False)
    begin()
    began = time.monotonic()
    for number in range(int(count)):
        cursor = raw.cursor()
        if inbox == "with":
            cursor.execute("INSERT IGNORE INTO inbox VALUES ('bench', %s, UTC_TIMESTAMP(6))", [f"{began}-{number}"])
        cursor.execute(UPDATE, [f"{placing.SKUS[number % 3]}-{number % 50}"])
        cursor.close()
        raw.commit()
    return {"seconds": time.monotonic() - began}


def run_business(count: str) -> Figures:
    """The business transaction with and without publish(), by turns."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(40):
        placing.place(1 + number % 20, tell=True)
    begin()
    for number in range(int(count)):
        for tell in (True, False) if number % 2 else (False, True):
            began = time.perf_counter()
            placing.place(1 + number % 20, tell=tell)
            times[tell].append(time.perf_counter() - began)
    return {"with": times[True], "without": times[False]}


def run_migrate() -> Figures:
    """Make the tables."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    return {}


ROLES: dict[str, Callable[..., Figures]] = {
    "relay": run_relay,
    "unordered": run_unordered,
    "noting": run_noting_relay,
    "steady": lambda rate, seconds: run_steady(float(rate), float(seconds)),
    "peer": run_peer,
    "consumer": run_consumer,
    "updates": run_updates,
    "business": run_business,
    "migrate": run_migrate,
}


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert settings.configured
    figures = ROLES[sys.argv[1]](*sys.argv[2:])
    usage = resource.getrusage(resource.RUSAGE_SELF)
    figures |= {"cpu": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss / 1024}
    print(json.dumps(figures), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
