"""What the tests share: moods, threads with connections of their own, a database that is away."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from auth_jwt.testing import install_key
from django.db import connection, connections
from project.urls import moods as all_moods

THINGS = "/api/v1/things"


@pytest.fixture
def moods() -> Iterator[dict[str, Callable[[], None]]]:
    yield all_moods
    all_moods.clear()


@pytest.fixture
def in_thread() -> Iterator[Callable[..., Future]]:
    """Runs a function in a thread; its database connection is closed with it."""
    pool = ThreadPoolExecutor(8)

    def run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    yield lambda function, *args, **kwargs: pool.submit(run, function, *args, **kwargs)
    pool.shutdown(wait=True)


@pytest.fixture
def database_away(transactional_db) -> Iterator[None]:
    """Nobody listens where the database should be."""
    install_key()
    port = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = 9
    yield
    connection.close()
    connection.settings_dict["PORT"] = port


def kill_connection() -> None:
    """The server ends this thread's connection, as when it is restarted."""
    victim = connection.connection.thread_id()
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute(f"KILL {victim}")
    finally:
        other.close()
