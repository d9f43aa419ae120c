"""The contract tests of each service, in a process of its own: what it hears, what it shows, what it survives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("identity", "catalog", "orders", "payments", "notifications")


@pytest.mark.parametrize("service", SERVICES)
def test_the_service_keeps_its_contracts(service):
    command = [sys.executable, "manage.py", "test", str(ROOT / "tests" / "contract" / "service")]
    done = subprocess.run(
        command,
        cwd=ROOT / "services" / service,
        env=os.environ | {"CROSSBORDER_TESTING": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    print(done.stdout.strip().splitlines()[-1])
