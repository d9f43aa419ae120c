"""The command that asks the invariants: what it could not ask is no answer."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def nobody():
    """A port that refuses every connection, because it is taken and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield str(taken.getsockname()[1])


def audit(*options, **variables):
    return subprocess.run(
        [sys.executable, "-m", "deploy.audit", *options],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )


def test_a_database_that_is_away_is_no_violation(nobody):
    done = audit(DB_HOST="127.0.0.1", DB_PORT=nobody, AUDIT_DB_PASSWORD="unused")

    assert (done.returncode, done.stdout) == (2, "")
    assert "could not be asked" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_malformed_address_is_named(nobody):
    done = audit(DB_HOST="127.0.0.1", DB_PORT="x", AUDIT_DB_PASSWORD="unused")

    assert done.returncode == 2
    assert "DB_PORT" in done.stderr
    assert "Traceback" not in done.stderr
