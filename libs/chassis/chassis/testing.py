"""What services' tests share: `manage.py test` runs pytest, tasks may run at once, and processes die."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.db import connection, connections


class PytestRunner:
    """Django's test runner protocol over pytest, so that `manage.py test` runs the service's real tests."""

    def __init__(
        self, verbosity: int = 1, failfast: bool = False, keepdb: bool = False, keyword: str = "", **kwargs: Any
    ):
        self.arguments = [*(["-x"] if failfast else []), *(["--reuse-db"] if keepdb else [])]
        self.arguments += ["-k", keyword] if keyword else []
        self.arguments += {0: ["-q"], 2: ["-v"], 3: ["-vv"]}.get(verbosity, [])

    @classmethod
    def add_arguments(cls, parser) -> None:
        parser.add_argument("--keepdb", action="store_true", help="Keep the test database between runs.")
        parser.add_argument("-k", dest="keyword", help="Only tests whose names match, as in pytest.")

    def run_tests(self, labels: list[str], **kwargs: Any) -> int:
        import pytest

        os.chdir(settings.BASE_DIR)
        own = ["-c", "pyproject.toml", "--rootdir", "."]  # also for tests that lie outside of the service
        return int(pytest.main([*own, *self.arguments, *(labels or ["tests"])]))


def manage(service: str) -> None:
    """The body of every manage.py: `test` reads `.run/test/env` instead of a running stack's addresses."""
    if "test" in sys.argv[1:2]:
        os.environ["CROSSBORDER_TESTING"] = "1"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"{service}.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


class EagerTasksMixin:
    """A TestCase mixin: tasks run at once and their errors are raised, as with CELERY_TASK_ALWAYS_EAGER=True."""

    def setUp(self) -> None:
        from celery import current_app

        super().setUp()  # type: ignore[misc]
        before = current_app.conf.task_always_eager
        current_app.conf.task_always_eager = True
        self.addCleanup(setattr, current_app.conf, "task_always_eager", before)  # type: ignore[attr-defined]


def killed_at_each_statement(action: Callable[[], object]) -> Iterator[int]:
    """Run `action` in processes of their own: the first dies at its first statement, the next at its second, and so on.

    Yields after each death the number of statements that it had sent; ends when one came through to its end.
    """
    for reached in range(1, 200):
        connections.close_all()  # a child must not share the parent's
        child = os.fork()
        if child == 0:
            _run_until(action, reached)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, "the action failed by itself"
            return
        assert os.WTERMSIG(status) == signal.SIGKILL
        yield reached
    raise AssertionError("it never came to its end")


def _run_until(action: Callable[[], object], at: int) -> None:
    seen = 0

    def count(execute, sql, params, many, context):
        nonlocal seen
        seen += 1
        answer = execute(sql, params, many, context)
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    failed = True
    try:
        with connection.execute_wrapper(count):
            action()
        failed = False
    finally:
        os._exit(int(failed))
