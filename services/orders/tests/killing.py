"""Processes that die: at each statement in turn, by SIGKILL, as when a machine is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

from django.db import connection, connections


def killed_at_each_statement(action: Callable[[], object]) -> Iterator[int]:
    """Run `action` in processes of their own: the first dies at its first statement, the next at its second, and so on.

    Yields after each death the number of statements that it had sent; ends when one came through to its end.
    """
    for reached in range(1, 200):
        connections.close_all()  # a child must not share the parent's
        child = os.fork()
        if child == 0:
            _run_and_die(action, reached)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, "the action failed by itself"
            return
        assert os.WTERMSIG(status) == signal.SIGKILL
        yield reached
    raise AssertionError("it never came to its end")


def _run_and_die(action: Callable[[], object], at: int) -> None:
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
