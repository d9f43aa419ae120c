"""The library without the rest of the repository: its wheel alone, installed, runs the example project."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import HERE, eventually
from django.conf import settings
from django.db import connection
from uuid_utils.compat import uuid7

LIBRARY = HERE.parent


def pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", *map(str, arguments), "--no-deps", "--quiet", "--disable-pip-version-check"]
    subprocess.run(command, check=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder with what `pip install ./libs/outbox` puts there (what it depends on is in this environment already)."""
    place = tmp_path_factory.mktemp("wheel")
    source = shutil.copytree(LIBRARY, place / "source", ignore=shutil.ignore_patterns("tests", "build", "*.egg-info"))
    pip("wheel", source, "--no-build-isolation", "--wheel-dir", place)
    pip("install", *place.glob("*.whl"), "--target", place / "installed")
    return place / "installed"


@pytest.fixture
def manage(installed, db):
    """Runs a command of the example, on a database and a topic of its own."""
    database, topic = f"{connection.settings_dict['NAME']}_example", f"example-{uuid7().hex[-8:]}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {database}")
        cursor.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
    place = settings.DATABASES["default"]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(installed),
        "DB_HOST": place["HOST"],
        "DB_PORT": str(place["PORT"]),
        "DB_USER": place["USER"],
        "DB_PASSWORD": place["PASSWORD"],
        "DB_NAME": database,
        "TOPIC": topic,
        "REDIS_URL": settings.OUTBOX["WAKE_URL"] or "",
        "KAFKA_BOOTSTRAP_SERVERS": settings.OUTBOX["BOOTSTRAP_SERVERS"],
    }
    started: list[subprocess.Popen] = []

    def run(*command: str, wait: bool = True) -> str | subprocess.Popen:
        arguments = [sys.executable, "manage.py", *command]
        place = {"cwd": LIBRARY / "example", "env": environment}
        if wait:
            return subprocess.run(arguments, **place, check=True, capture_output=True, text=True).stdout
        started.append(subprocess.Popen(arguments, **place))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {database}")


def test_the_wheel_holds_all_of_it(installed):
    assert (installed / "outbox/py.typed").is_file()
    assert (installed / "outbox/migrations/0001_initial.py").is_file()
    wanted = {path.relative_to(LIBRARY) for path in (LIBRARY / "outbox").rglob("*.py")}
    assert {path.relative_to(installed) for path in (installed / "outbox").rglob("*.py")} == wanted


def test_the_example_goes_from_nothing_to_a_parcel(manage, installed):
    where = manage("shell", "-v", "0", "-c", "import outbox; print(outbox.__file__)")
    assert str(installed) in where
    manage("migrate")
    assert "made" in manage("topics_apply")
    events = manage("run_events", wait=False)
    assert manage("place", "3").splitlines() == [f"order {number} placed" for number in (1, 2, 3)]
    eventually(lambda: len(manage("parcels").splitlines()) == 3, 40)
    assert sorted(manage("parcels").splitlines()) == [f"order {number}: 1 x mug" for number in (1, 2, 3)]
    assert "waiting to be sent          0" in manage("outbox_status")
    events.send_signal(signal.SIGTERM)
    assert events.wait(20) == 0
