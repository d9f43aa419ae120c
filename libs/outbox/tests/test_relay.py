"""The relay against a real broker: everything committed arrives, in order, also when it fails."""

import random
import threading

import pytest
from conftest import eventually, in_order, numbers, published
from django.db import connection
from outbox.publishing import pending_count
from outbox.relay import Relay
from outbox.tasks import publish_outbox_events
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
                count(f"key-{keys.randrange(12)}")
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
