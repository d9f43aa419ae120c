"""Servers and helpers of the library's tests: one Kafka topic per test, so that no run sees another's events."""

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event as Flag

import pytest
from django.conf import settings as django_settings
from django.db import connection
from outbox.conf import conf
from outbox.events import Record
from outbox.kafka.administration import apply_topics
from outbox.kafka.consuming import read_all
from outbox.topics import Topic
from project.settings import RUN
from uuid_utils.compat import uuid7

HERE = Path(__file__).parent


def eventually(condition: Callable[[], object], seconds: float = 20.0) -> object:
    """The first true value of `condition`; fails when there is none in time."""
    deadline, pause = time.monotonic() + seconds, Flag()
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        pause.wait(0.02)
    raise AssertionError(f"not within {seconds} s")


@pytest.fixture
def topic(settings) -> str:
    """A fresh topic of three partitions that the service publishes and reads."""
    name = f"outbox-test-{RUN}-{uuid7().hex[-8:]}"
    settings.OUTBOX = {**settings.OUTBOX, "TOPIC": name, "SUBSCRIPTIONS": [name], "SERVICE": name}
    apply_topics([Topic(name, 3, 1)])
    return name


def published(topic: str) -> list[Record]:
    """Everything on the topic, in order per partition."""
    return [record for records in read_all([topic], Flag()) for record in records]


def numbers(records: list[Record]) -> dict[str, list[int]]:
    """What each key's events count, in order, each event once."""
    found: dict[str, list[int]] = defaultdict(list)
    seen = set()
    for record in records:
        if record.event_id not in seen:
            seen.add(record.event_id)
            found[record.key].append(int(record.headers["ce_sequence"]))
    return dict(found)


def in_order(numbers_of_key: list[int]) -> bool:
    """True for 1, 2, 3, ... without a gap."""
    return numbers_of_key == list(range(1, len(numbers_of_key) + 1))


class Processes:
    """Commands of the test project in processes of their own, on this test's database and topic."""

    def __init__(self) -> None:
        self.all: list[subprocess.Popen] = []

    def start(self, *command: str, **environment: str) -> subprocess.Popen:
        env = os.environ | {
            "OUTBOX_TEST_RUN": RUN,
            "OUTBOX_TEST_DB": connection.settings_dict["NAME"],
            "OUTBOX_TEST_TOPIC": conf.TOPIC,
            "OUTBOX_TEST_SERVICE": conf.SERVICE,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")])),
            **environment,
        }
        process = subprocess.Popen([sys.executable, HERE / "manage.py", *command], env=env, cwd=HERE)
        self.all.append(process)
        return process

    def end(self) -> None:
        for process in self.all:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()


@pytest.fixture
def processes() -> Iterator[Processes]:
    started = Processes()
    yield started
    started.end()


@pytest.fixture
def no_broker(settings) -> None:
    """A broker that nobody listens for."""
    settings.OUTBOX = {**django_settings.OUTBOX, "BOOTSTRAP_SERVERS": "127.0.0.1:9"}
