"""The relay against a real broker: everything committed arrives, in order, also when it fails."""

import os
import random
import threading

import pytest
import redis
from conftest import eventually, in_order, numbers, published
from django.db import connection, transaction
from outbox import wakeup
from outbox.conf import conf
from outbox.models import DeadEvent, KeyBlock, OutboxEvent
from outbox.publishing import pending_count
from outbox.relay import Relay
from outbox.tasks import publish_outbox_events
from outbox.testing import MemoryBroker
from outbox.transactions import retry_conflicts
from project.writing import count

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def relay():
    made = Relay()
    yield made
    made.close()


def test_the_beat_task_alone_delivers_everything(topic):
    for n in range(300):
        count(f"key-{n % 7}")
    publish_outbox_events()
    assert pending_count() == 0
    records = published(topic)
    assert len(records) == 300
    assert all(in_order(found) for found in numbers(records).values())


def test_two_relays_and_concurrent_writers_keep_each_keys_order(topic, processes):
    relays = [processes.start("outbox_relay") for _ in range(2)]

    def write(seed: int) -> None:
        keys = random.Random(seed)
        try:
            for _ in range(150):
                key = f"key-{keys.randrange(12)}"
                retry_conflicts(lambda key=key: count(key))
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[seed]) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eventually(lambda: pending_count() == 0)
    found = numbers(published(topic))
    assert sum(map(len, found.values())) == 600
    assert all(in_order(each) for each in found.values())
    for process in relays:
        process.terminate()
        assert process.wait(15) == 0


@pytest.mark.parametrize(
    "point", ["relay.after_claim", "relay.after_ack_before_delete", "relay.after_delete_before_commit"]
)
def test_a_relay_killed_at_any_point_loses_nothing(topic, processes, point):
    for n in range(20):
        count(f"key-{n % 3}")
    crashed = processes.start("outbox_drain", CRASHPOINT=point)
    assert crashed.wait(20) == -9
    assert pending_count() == 20
    publish_outbox_events()
    assert pending_count() == 0
    found = numbers(published(topic))
    assert sum(map(len, found.values())) == 20
    assert all(in_order(each) for each in found.values())


def test_a_message_that_kafka_refuses_waits_while_others_flow(topic, settings, relay):
    settings.OUTBOX = {**settings.OUTBOX, "MAX_PAYLOAD_BYTES": 10_000_000}
    count("large", text="x" * 2_000_000)
    count("large")
    count("small")
    relay.drain(10)
    assert numbers(published(topic)) == {"small": [1]}
    assert KeyBlock.objects.get().key == "large"
    assert OutboxEvent.objects.order_by("id").first().attempts == 1
    assert not DeadEvent.objects.exists()


def test_a_topic_that_is_missing_on_the_broker_waits(settings, relay):
    settings.OUTBOX = {**settings.OUTBOX, "TOPIC": f"{settings.OUTBOX['TOPIC']}-missing"}
    count("a")
    assert relay.drain(5).published == 0
    assert OutboxEvent.objects.get().attempts == 0


def test_a_relay_does_not_rest_while_events_are_pending(monkeypatch):
    with transaction.atomic():
        for number in range(400):
            count(f"key-{number}")
    stop, pending_at_rest = threading.Event(), []

    def rest(seconds: float, stop: threading.Event) -> bool:
        pending_at_rest.append(pending_count())
        stop.set()
        return False

    monkeypatch.setattr("outbox.relay.RUN_SECONDS", 0.0001)
    monkeypatch.setattr("outbox.relay.wakeup.wait", rest)
    Relay(MemoryBroker({conf.TOPIC}).producer).run(stop)
    assert pending_at_rest == [0]


def test_a_commit_wakes_the_relay(topic, relay):
    stop, woken = threading.Event(), threading.Event()

    def wait() -> None:
        wakeup.wait(10, stop)
        woken.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    with transaction.atomic():
        count("a")
        count("b")
        assert not woken.wait(0.1), "nothing is committed yet"
    assert woken.wait(2)
    waiter.join()


def test_the_wake_up_survives_a_redis_that_drops_its_connection(topic):
    stop, woken = threading.Event(), threading.Event()
    count("a")
    host, port = wakeup._mute[os.getpid(), conf.WAKE_URL]._sock.getsockname()
    redis.Redis.from_url(conf.WAKE_URL).client_kill_filter(addr=f"{host}:{port}")

    def wait() -> None:
        while not stop.is_set():
            if wakeup.wait(1, stop):
                woken.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    eventually(lambda: count("a") and woken.wait(0.2))
    stop.set()
    waiter.join()


def test_a_commit_does_not_mind_that_redis_is_away(settings, topic, monkeypatch):
    monkeypatch.setattr(wakeup, "_no_push_before", 0.0)
    settings.OUTBOX = {**settings.OUTBOX, "WAKE_URL": "redis://127.0.0.1:9/0"}
    count("a")
    assert pending_count() == 1
    assert wakeup._no_push_before > 0, "no other commit tries for a while"
    wakeup.wait(0.01, threading.Event())
    wakeup._no_push_before = 0.0


def test_relays_killed_again_and_again_lose_and_reorder_nothing(topic, processes):
    chance = random.Random(7)
    done = threading.Event()

    def write(seed: int) -> None:
        keys = random.Random(seed)
        try:
            for _ in range(400):
                key = f"key-{keys.randrange(10)}"
                retry_conflicts(lambda key=key: count(key))
        finally:
            connection.close()

    def kill() -> None:
        relays = [processes.start("outbox_relay") for _ in range(2)]
        while not done.wait(0.5 + chance.random()):
            victim = chance.randrange(2)
            relays[victim].kill()
            relays[victim] = processes.start("outbox_relay")

    killer = threading.Thread(target=kill)
    writers = [threading.Thread(target=write, args=[seed]) for seed in range(3)]
    for thread in (killer, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    eventually(lambda: pending_count() < 100)
    done.set()
    killer.join()
    eventually(lambda: pending_count() == 0)
    found = numbers(published(topic))
    assert sum(map(len, found.values())) == 1200
    assert all(in_order(each) for each in found.values())
