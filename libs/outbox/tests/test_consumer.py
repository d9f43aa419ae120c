"""The consumer against a real broker, in processes that are killed."""

import threading

import pytest
from conftest import eventually
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone
from outbox import consumer
from outbox.conf import conf
from outbox.consumer import ConsumerLoop
from outbox.kafka.administration import group_lag
from outbox.models import ConsumerProgress, InboxEntry, ParkedEvent
from outbox.progress import caught_up_since
from outbox.relay import Relay
from project import handlers
from project.models import Diary
from project.writing import COUNTED, count
from prometheus_client import REGISTRY

pytestmark = pytest.mark.django_db(transaction=True)


def diary() -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for key, number in Diary.objects.order_by("id").values_list("key", "number"):
        found.setdefault(key, []).append(number)
    return found


def send(keys: int, each: int) -> dict[str, list[int]]:
    """Put events on the topic; what the diary will say."""
    for _ in range(each):
        for key in range(keys):
            count(f"key-{key}")
    relay = Relay()
    relay.drain(10)
    relay.close()
    return {f"key-{key}": list(range(1, each + 1)) for key in range(keys)}


@pytest.fixture
def loop(topic):
    """A consumer in a thread of this process."""
    stop = threading.Event()

    def run() -> None:
        try:
            ConsumerLoop().run(stop)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield thread
    stop.set()
    thread.join()
    handlers.moods.clear()


def test_run_events_carries_events_from_commit_to_effect_and_ends_gracefully(topic, processes):
    process = processes.start("run_events")
    for n in range(1, 31):
        count(f"key-{n % 4}")
    eventually(lambda: Diary.objects.count() == 30)
    assert all(numbers == sorted(numbers) for numbers in diary().values())
    process.terminate()
    assert process.wait(15) == 0


def test_a_consumer_that_is_asked_to_end_commits_what_it_has_handled(topic, processes):
    send(keys=3, each=4)
    process = processes.start("consume_events")
    eventually(lambda: Diary.objects.count() == 12, 40)
    process.terminate()
    assert process.wait(15) == 0
    assert group_lag([topic]) == {topic: 0}


def lag(topic: str, name: str) -> float:
    """The sum over the partitions of a metric."""
    places = [{"group": conf.SERVICE, "topic": topic, "partition": str(number)} for number in range(3)]
    return sum(REGISTRY.get_sample_value(name, place) or 0 for place in places)


def test_lag_is_told_in_messages_and_seconds_until_the_partition_goes_on(topic, monkeypatch, request):
    monkeypatch.setattr(consumer, "PROGRESS_EVERY", 0.1)
    away = [True]

    def lost() -> None:
        if away:
            raise OperationalError(2013, "Lost connection to server during query")

    handlers.moods["key-0", 1] = lost
    send(keys=1, each=5)
    request.getfixturevalue("loop")
    eventually(lambda: lag(topic, "consumer_lag") == 5 and lag(topic, "consumer_lag_seconds") > 0)
    away.clear()
    eventually(lambda: Diary.objects.count() == 5, 40)
    eventually(lambda: lag(topic, "consumer_lag") == 0 == lag(topic, "consumer_lag_seconds"))


def test_what_is_parked_while_the_consumer_runs_holds_its_key_at_once(loop):
    def broken() -> None:
        raise ValueError("the handler is broken")

    send(keys=2, each=1)
    eventually(lambda: Diary.objects.count() == 2)
    handlers.moods["key-0", 2] = broken
    send(keys=2, each=1)
    eventually(lambda: ParkedEvent.objects.count() == 1 and Diary.objects.count() == 3)
    send(keys=2, each=1)
    eventually(lambda: ParkedEvent.objects.count() == 2 and Diary.objects.count() == 4)
    assert diary() == {"key-0": [1], "key-1": [1, 2, 3]}


def test_run_events_dies_as_a_whole(topic, processes):
    process = processes.start("run_events", OUTBOX_TEST_HANDLERS="project.handlers.MISSING")
    count("a")
    assert process.wait(30) == 1


@pytest.mark.parametrize("point", ["consumer.before_commit", "consumer.after_commit_before_offset"])
def test_a_killed_consumer_neither_loses_nor_repeats_an_effect(topic, processes, point):
    expected = send(keys=3, each=4)
    assert processes.start("consume_events", CRASHPOINT=point).wait(30) == -9
    processes.start("consume_events")
    eventually(lambda: Diary.objects.count() >= 12, 40)
    assert diary() == expected


def test_a_partition_waits_while_the_database_is_away(loop):
    trouble = [OperationalError(2013, "Lost connection to server during query")] * 2

    def lost() -> None:
        if trouble:
            raise trouble.pop()

    handlers.moods["key-1", 2] = lost
    expected = send(keys=3, each=4)
    eventually(lambda: Diary.objects.count() >= 12)
    assert diary() == expected
    assert trouble == []
    assert loop.is_alive()


def test_progress_is_reported_also_when_idle(loop, topic):
    moment = timezone.now()
    eventually(lambda: ConsumerProgress.objects.filter(consumer=conf.SERVICE, topic=topic).count() == 3)
    eventually(lambda: caught_up_since(moment, [topic]))
    later = timezone.now()
    eventually(lambda: caught_up_since(later, [topic]))


def test_rebuild_hands_known_events_to_their_handlers_again(topic, loop, capsys):
    expected = send(keys=2, each=3)
    eventually(lambda: Diary.objects.count() == 6)
    Diary.objects.all().delete()
    call_command("consume_events", "--rebuild", COUNTED)
    assert diary() == expected
    assert InboxEntry.objects.count() == 6
    assert "6 events handled again" in capsys.readouterr().out
