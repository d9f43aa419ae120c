"""What services' tests share: `manage.py test` runs pytest, and tasks may run at once."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings


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
