"""Runs the tests, each part in a process of its own, two at a time, and says at the end which of them failed.

python3 -m deploy.local.run_tests [part ...]; parts: the services, outbox, auth_jwt, chassis, deploy, contract, model,
faults and e2e. Without a part: all that are there, even after one has failed. With DB=mysql in the environment the
libraries, the services and the faults of the outbox run against a real MySQL (see mysql.py) instead of the machine's
database.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from . import mysql
from .console import Failure
from .layout import ROOT, SERVICES, VENV, choose_layout

PYTHON = str(VENV / "bin" / "python")
AT_ONCE = 2  # parts; each has schemas and topics of its own
WHOLE_STACK = "e2e"
LIBRARIES = ("outbox", "auth_jwt", "chassis")
FOLDERS = {
    "deploy": "deploy",
    "contract": "tests/contract",
    "model": "tests/model",
    "faults": "tests/faults",
    "e2e": "tests/e2e",
}


@dataclass(frozen=True)
class Part:
    """Some tests: where they lie, where pytest runs, and what starts it."""

    name: str
    tests: Path
    folder: Path
    command: list[str]

    def exists(self) -> bool:
        return any(self.tests.rglob("test_*.py"))


def all_parts() -> list[Part]:
    """Every part in the order in which `make test` begins them: the whole stack last."""
    libraries = [_pytest(name, ROOT / "libs" / name / "tests") for name in LIBRARIES]
    services = [
        Part(name, ROOT / "services" / name / "tests", ROOT / "services" / name, [PYTHON, "manage.py", "test"])
        for name in SERVICES
    ]
    return [*libraries, *services, *(_pytest(name, ROOT / folder) for name, folder in FOLDERS.items())]


def _pytest(name: str, tests: Path) -> Part:
    return Part(name, tests, ROOT, [PYTHON, "-m", "pytest", str(tests.relative_to(ROOT))])


@dataclass(frozen=True)
class Result:
    """How a part ended: pytest's closing line, the exit code, seconds."""

    name: str
    closing: str
    code: int
    seconds: float


def run_part(part: Part, variables: dict[str, str], *, alone: bool) -> Result:
    """Run one part; alone its output is shown as it comes, else as a whole when it has ended."""
    started = time.monotonic()
    title = f"\n=== {part.name}\n"
    shown = [title]
    if alone:
        print(title, end="", flush=True)
    process = subprocess.Popen(
        part.command,
        cwd=part.folder,
        env=os.environ | {"CROSSBORDER_TESTING": "1"} | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    closing = ""
    assert process.stdout is not None
    for line in process.stdout:
        if alone:
            print(line, end="", flush=True)
        shown.append(line)
        closing = line.strip(" =\n") or closing
    code = process.wait()
    if not alone:
        sys.stdout.write("".join(shown))
        sys.stdout.flush()
    return Result(part.name, closing, code, time.monotonic() - started)


def run_parts(parts: list[Part], variables: dict[str, str]) -> list[Result]:
    """All of them, AT_ONCE at a time; then those that want the whole stack, and with it the whole machine."""
    last = [part for part in parts if part.name == WHOLE_STACK]
    others = [part for part in parts if part.name != WHOLE_STACK]
    alone = len(others) == 1
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda part: run_part(part, variables, alone=alone), others))
    for part in last:
        _start("run")
        results.append(run_part(part, variables, alone=True))
    return results


def main(names: list[str]) -> int:
    parts = [part for part in all_parts() if part.exists()]
    if unknown := set(names) - {part.name for part in parts}:
        print(f"There are no tests named {', '.join(sorted(unknown))}; there are: {', '.join(p.name for p in parts)}.")
        return 2
    chosen = [part for part in parts if not names or part.name in names]
    _start("infra")
    with _database(chosen) as variables:
        results = run_parts(chosen, variables)
    if len(results) > 1:
        print("\n=== all parts")
        for each in results:
            print(f"  {'ok ' if each.code == 0 else '!! '} {each.name:14} {each.closing} [{each.seconds:.0f} s]")
    return 1 if any(each.code for each in results) else 0


def _database(chosen: list[Part]) -> AbstractContextManager[dict[str, str]]:
    """What leads the tests to another database than the usual one, if DB asks for one."""
    if os.environ.get("DB") != "mysql" or not {part.name for part in chosen} & {*LIBRARIES, *SERVICES}:
        return nullcontext({})
    return mysql.serving(choose_layout(test=True))


def _start(command: str) -> None:
    done = subprocess.run([sys.executable, "-m", "deploy.local", command, "--test"], cwd=ROOT, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failure as failure:
        sys.exit(f"\n  !!! {failure}")
