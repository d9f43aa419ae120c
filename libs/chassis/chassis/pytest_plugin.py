"""Pytest's door to a service: `.run/test` servers, a signing key of our own, and clients that speak JSON."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

os.environ["CROSSBORDER_TESTING"] = "1"


@pytest.fixture
def signing_key(db) -> None:
    """Access tokens of `auth_jwt.testing` verify."""
    from auth_jwt.testing import install_key

    install_key()


@pytest.fixture
def api(signing_key):
    """DRF's client, JSON by default; authenticate with `headers=bearer(user_id, roles)`."""
    from rest_framework.test import APIClient

    return APIClient()


@pytest.fixture
def eager_tasks(settings) -> Iterator[None]:
    """Tasks run at once, errors are raised."""
    from celery import current_app

    before = current_app.conf.task_always_eager
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = before


@pytest.fixture(autouse=True)
def _fresh_process_memory():
    from auth_jwt import keys

    keys.forget()
    yield


def wait_until(condition: Callable[[], Any], seconds: float = 10.0, what: str = "the condition") -> Any:
    """The condition's first true value; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(0.02)
    return value


@pytest.fixture
def time_machine_at():
    """`with time_machine_at(minutes=16):` - the clock is that much later."""
    from datetime import UTC, datetime, timedelta

    import time_machine

    return lambda **later: time_machine.travel(datetime.now(UTC) + timedelta(**later), tick=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test that touches the database commits for real: hooks run, conflicts happen, a refusal rolls back."""
    from django.conf import settings

    real = pytest.mark.django_db(transaction=True, available_apps=list(settings.INSTALLED_APPS))
    for item in items:
        if {"db", "transactional_db"} & set(getattr(item, "fixturenames", ())) or item.get_closest_marker("django_db"):
            item.add_marker(real, append=False)


@pytest.fixture
def statements(db):
    """`with statements() as run:` - the SQL that ran inside, without BEGIN and COMMIT."""
    from contextlib import contextmanager

    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    @contextmanager
    def capture():
        run: list[str] = []
        with CaptureQueriesContext(connection) as context:
            yield run
        run += [query["sql"] for query in context.captured_queries if query["sql"] not in {"BEGIN", "COMMIT"}]

    return capture
