"""What a forked process does. This module is loaded once, by the fork server, so that a process costs milliseconds."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.faults.outbox.settings")
django.setup()

import confluent_kafka  # noqa: E402, F401  loaded before the fork; clients are made after it
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from outbox import consumer, relay, tasks  # noqa: E402, F401  the same

from tests.faults.outbox.tally.writing import write  # noqa: E402


def migrate() -> None:
    """Make the tables."""
    call_command("migrate", run_syncdb=True, verbosity=0)


def beat(seconds: float) -> None:
    """What Beat and a worker do without any relay: the task, once a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tasks.publish_outbox_events()
        tasks.retry_parked()
        time.sleep(0.2)


ROLES = {"migrate": migrate, "write": write, "beat": beat}


def play(
    role: str, log: Path, database: str, outbox: dict[str, Any], environment: dict[str, str], arguments: dict[str, Any]
) -> None:
    """Run one of ROLES, or the management command of that name, with its output in a file."""
    os.setsid()
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(environment)
    settings.OUTBOX = outbox
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = database
    if role in ROLES:
        ROLES[role](**arguments)
    else:
        call_command(role, *arguments.get("args", ()))
    sys.stdout.flush()
