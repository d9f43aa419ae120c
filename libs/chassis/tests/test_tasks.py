"""Waking tasks: after the commit, never instead of it, in the same story; one Beat at a time."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from celery.beat import Service
from celery.contrib.testing.worker import start_worker
from celery.signals import beat_init
from chassis.beat import GuardedScheduler
from chassis.pytest_plugin import wait_until
from chassis.tasks import enqueue, guarded
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import OperationalError, connections, transaction
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from outbox.context import correlation
from project.celery import app
from project.models import Note

HERE = Path(__file__).parent
QUEUE = django_settings.CELERY_TASK_QUEUES[0].name
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOBODY_LISTENS = """
import django; django.setup()
from chassis.tasks import enqueue, guarded
from django.db import transaction
from project.models import Note
for number in range(30):
    with transaction.atomic():
        Note.objects.create(text=str(number))
        enqueue("project.tasks.note", number)
"""
pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting():
    """How many tasks wait in the project's queue."""
    client = redis.Redis.from_url(django_settings.CELERY_BROKER_URL)
    client.delete(QUEUE)
    yield lambda: client.llen(QUEUE)
    client.delete(QUEUE)
    client.close()


def test_a_task_is_woken_by_the_commit_and_not_before(waiting):
    with transaction.atomic():
        enqueue("project.tasks.note", "a")
        assert waiting() == 0
    assert waiting() == 1


def test_celery_uses_the_services_own_databases():
    """Left alone, it would prefer CELERY_BROKER_URL of the environment, which all services share."""
    assert app.conf.broker_url == django_settings.CELERY_BROKER_URL
    assert app.conf.result_backend == django_settings.CELERY_RESULT_BACKEND
    assert app.connection().virtual_host == "14"


def test_a_rollback_wakes_nothing(waiting):
    with pytest.raises(RuntimeError), transaction.atomic():
        enqueue("project.tasks.note", "a")
        raise RuntimeError
    assert waiting() == 0


def test_without_redis_the_commit_stands_and_is_not_held_up():
    """Thirty commits would take minutes if each waited for Redis."""
    environment = os.environ | {
        "CHASSIS_TEST_REDIS": "redis://127.0.0.1:9",
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "PYTHONPATH": str(HERE),
    }
    done = subprocess.run(
        [sys.executable, "-c", NOBODY_LISTENS], env=environment, timeout=60, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("was not woken") == 1
    assert Note.objects.count() == 30


def test_an_eager_task_that_fails_does_not_fail_its_caller(eager_tasks):
    with transaction.atomic():
        enqueue("project.tasks.fail", "a")
        enqueue("project.tasks.note", "b")
    assert Note.objects.get().text == "b"


def test_a_task_runs_in_the_story_of_who_woke_it(waiting):
    with correlation(correlation_id="checkout-1", traceparent=TRACE), transaction.atomic():
        enqueue("project.tasks.note", 7)
    with start_worker(app, pool="solo", perform_ping_check=False, queues=[QUEUE], shutdown_timeout=30):
        note = _eventually(lambda: Note.objects.first())
    connections.close_all()
    assert (note.text, note.correlation_id) == ("7", "checkout-1")
    assert note.traceparent.split("-")[1] == TRACE.split("-")[1]


def _eventually(condition):
    return wait_until(condition, 30, "the note")


def test_a_worker_keeps_its_connection_between_tasks(waiting):
    for _ in range(3):
        app.tasks["project.tasks.note_connection"].delay()
    with start_worker(app, pool="solo", perform_ping_check=False, queues=[QUEUE], shutdown_timeout=30):
        _eventually(lambda: Note.objects.count() == 3)
    connections.close_all()
    assert len(set(Note.objects.values_list("text", flat=True))) == 1


def test_a_beat_that_is_told_to_end_finishes_its_tick():
    beat = Service(app)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        beat_init.send(sender=beat)
        os.kill(os.getpid(), signal.SIGTERM)  # nothing is raised here, in the middle of whatever it was
        wait_until(beat._is_shutdown.is_set, 5, "Beat to know that it is to end")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def due(name: str = "note") -> None:
    every = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(
        name=name, task="project.tasks.note", interval=every, last_run_at=timezone.now() - timedelta(minutes=1)
    )


@pytest.fixture
def two_beats(transactional_db):
    due()
    beats = [GuardedScheduler(app=app) for _ in range(2)]
    yield beats
    for beat in beats:
        beat.sync()
        if beat._guard is not None:
            beat._guard.close()


def run_due(beat: GuardedScheduler) -> None:
    """Make its task due, and let it tick twice: the first tick may only read the schedule."""
    for entry in beat.schedule.values():
        entry.last_run_at = timezone.now() - timedelta(minutes=1)
    beat._heap = None
    beat.tick()


def test_a_beat_sleeps_until_its_task_is_due(two_beats, waiting):
    beat, delays = two_beats[0], []
    while waiting() < 3:
        delays.append(beat.tick())
        time.sleep(max(0.0, delays[-1]))  # as Celery does
    assert delays.count(0) == 3, "a pause after each tick that sent nothing"
    assert all(delay == 0 or 0.01 <= delay <= 1 for delay in delays)


def test_one_beat_sends_and_the_other_takes_over_when_its_connection_is_gone(two_beats, waiting):
    first, second = two_beats
    run_due(first)
    run_due(second)
    assert waiting() == 1, "the second stands by"
    run_due(first)
    assert waiting() == 2
    with connections.create_connection("default").cursor() as cursor:
        cursor.execute(f"KILL {first._guard.connection.thread_id()}")
    run_due(second)
    assert waiting() == 3, "the second leads"
    run_due(first)
    run_due(first)
    assert waiting() == 3, "the first has noticed"


def test_a_beat_without_a_database_stands_by(two_beats, waiting):
    first, _ = two_beats
    run_due(first)
    first._guard.close()
    first._guard.settings_dict = {**first._guard.settings_dict, "PORT": 9}
    run_due(first)
    assert waiting() == 1
    run_due(first)
    assert waiting() == 2, "with a new connection it goes on"


def test_schedules_are_installed_once_and_an_operators_edits_stay():
    call_command("install_schedules")
    assert dict(PeriodicTask.objects.values_list("task", "interval__every")) == django_settings.BEAT_SCHEDULES
    slower = IntervalSchedule.objects.create(every=60, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(name="note").update(interval=slower, enabled=False)
    for _ in range(2):
        IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(name="forget_old_requests").delete()
    call_command("install_schedules")
    assert PeriodicTask.objects.filter(name="note", interval=slower, enabled=False).exists()
    assert PeriodicTask.objects.count() == 2, "a schedule that is gone is made again"


INSTALL = """
import django; django.setup()
from django.core.management import call_command
call_command("install_schedules")
"""


def test_a_schedule_whose_task_is_gone_is_turned_off_and_no_other():
    interval = IntervalSchedule.objects.create(every=5, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(name="gone", task="project.tasks.of_an_earlier_release", interval=interval)
    environment = os.environ | {
        "DB_NAME": connections["default"].settings_dict["NAME"],
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "PYTHONPATH": str(HERE),
    }
    subprocess.run(
        [sys.executable, "-c", INSTALL], env=environment, timeout=60, check=True
    )  # where no task is loaded yet
    assert list(PeriodicTask.objects.filter(enabled=False).values_list("name", flat=True)) == ["gone"]


def test_a_sweep_goes_on_after_a_bad_row_but_not_without_a_database(caplog):
    def bad() -> None:
        raise ValueError("this row alone")

    def away() -> None:
        raise OperationalError(2006, "gone away")

    assert guarded(lambda: 3) == 3
    assert guarded(bad, sku="TEE") is False
    assert [record.sku for record in caplog.records if "could not do a row" in record.message] == ["TEE"]
    with pytest.raises(OperationalError):
        guarded(away, sku="MUG")
