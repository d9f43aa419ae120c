"""`make faults seeds=N`: every fault N times over; a line per fault: runs, survived, violations.

Two kinds: those of the outbox alone (tests/faults/outbox, with servers of its own), where a reader that knows nothing
of the library compares topic and effects with what was committed; and outages while people shop
(tests/e2e/test_outages.py), after which all invariants are asked. `part=outbox` or `part=shop` runs one kind. Exits
with 1 when one was not survived.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONG_OUTAGE = "60"  # seconds that the broker is away in the first round; the others are short
Outcome = tuple[str, str | None]  # a fault, and what was violated


def outbox(rounds: int) -> Iterator[Outcome]:
    """The faults of tests/faults/outbox, each round with another seed."""
    from tests.faults.outbox.running import run_all
    from tests.faults.outbox.servers import Servers, own_layout
    from tests.faults.outbox.world import running_factory

    with running_factory(Servers(own_layout("faults", 100))) as factory:
        for seed in range(1, rounds + 1):
            os.environ["FAULTS_OUTAGE"] = LONG_OUTAGE if seed == 1 else "1.5"
            for name, error in run_all(factory, seed):
                yield f"outbox: {name}", f"seed {seed}: {error!r}" if error else None


def shop(rounds: int) -> Iterator[Outcome]:
    """The outages of tests/e2e, on the tests' whole stack."""
    subprocess.run(
        [sys.executable, "-m", "deploy.local", "run", "--test"], cwd=ROOT, check=True, stdin=subprocess.DEVNULL
    )
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.xml"
            command = [sys.executable, "-m", "pytest", "-q", "tests/e2e/test_outages.py", f"--junitxml={report}"]
            subprocess.run(command, cwd=ROOT, check=False, stdin=subprocess.DEVNULL)
            for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 written by pytest a moment ago
                failed = next((case.find(kind) for kind in ("failure", "error") if case.find(kind) is not None), None)
                name = case.get("name", "").removeprefix("test_").replace("_", " ")
                yield f"shop: {name}", None if failed is None else failed.get("message", "failed")


PARTS = {"outbox": outbox, "shop": shop}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults")
    parser.add_argument("--seeds", type=int, default=1, help="how often each fault is tried")
    parser.add_argument("--part", choices=[*PARTS, "all"], default="all")
    chosen = parser.parse_args()
    runs: Counter[str] = Counter()
    violations: Counter[str] = Counter()
    for part in PARTS if chosen.part == "all" else [chosen.part]:
        for name, violation in PARTS[part](chosen.seeds):
            runs[name] += 1
            violations[name] += violation is not None
            if violation:
                print(f"!! {name}: {violation}", flush=True)
    print(f"{'fault':90}{'runs':>6}{'survived':>10}{'violations':>12}")
    for name, count in runs.items():
        print(f"{name[:88]:90}{count:>6}{count - violations[name]:>10}{violations[name]:>12}")
    return int(any(violations.values()) or not runs)


if __name__ == "__main__":
    sys.exit(main())
