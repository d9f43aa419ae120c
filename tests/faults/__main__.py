"""`make faults seeds=N`: every fault of tests/e2e/test_outages.py, N times over; a line per fault.

Each run shops while the fault happens, and asks all invariants afterwards. Exits with 1 when one was not survived.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_once(report: Path) -> tuple[Counter[str], Counter[str]]:
    """One round of all faults: how often each was run, and how often it was not survived."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/e2e/test_outages.py", f"--junitxml={report}"]
    subprocess.run(command, cwd=ROOT, check=False, stdin=subprocess.DEVNULL)
    runs: Counter[str] = Counter()
    violations: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 written by pytest a moment ago
        name = case.get("name", "").removeprefix("test_").replace("_", " ")
        runs[name] += 1
        violations[name] += any(case.find(kind) is not None for kind in ("failure", "error"))
    return runs, violations


def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults")
    parser.add_argument("--seeds", type=int, default=1, help="how often each fault is tried")
    rounds = parser.parse_args().seeds
    runs: Counter[str] = Counter()
    violations: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            more_runs, more_violations = run_once(Path(folder) / f"{number}.xml")
            runs.update(more_runs)
            violations.update(more_violations)
    print(f"{'fault':90}{'runs':>6}{'survived':>10}{'violations':>12}")
    for name, count in runs.items():
        print(f"{name[:88]:90}{count:>6}{count - violations[name]:>10}{violations[name]:>12}")
    return int(any(violations.values()) or not runs)


if __name__ == "__main__":
    sys.exit(main())
