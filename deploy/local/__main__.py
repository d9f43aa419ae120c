"""The local stack's commands: python3 -m deploy.local run|infra|stop|... [--test]."""

import argparse
import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from . import bootstrap, stack
from .console import Failure
from .layout import ROOT, Layout, choose_layout


@contextmanager
def only_one(layout: Layout) -> Iterator[None]:
    """Let two calls for one stack wait for each other."""
    layout.run.mkdir(parents=True, exist_ok=True)
    with (layout.run / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m deploy.local", description=__doc__)
    parser.add_argument("command", choices=tuple(stack.COMMANDS))
    parser.add_argument("service", nargs="?", default="")
    parser.add_argument("--test", action="store_true", help="the tests' stack: PORT_BASE + 1000, .run/test")
    chosen = parser.parse_args()
    try:
        layout = choose_layout(test=chosen.test)
        with only_one(layout) if chosen.command not in ("status", "logs") else nullcontext():
            if chosen.command in ("infra", "run"):
                bootstrap.prepare_machine(layout)
                stack.make_way(layout, chosen.command)
                bootstrap.become_unprivileged(layout)
            stack.COMMANDS[chosen.command](layout, chosen.service)
    except Failure as failure:
        print(f"\n  !!! {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"\n  Interrupted; the same command goes on where this one ended (data: {ROOT / '.run'}).", file=sys.stderr
        )
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
