"""`python -m deploy.audit [--topics] [--settled SECONDS]` asks every invariant over all schemas.

Exit code 1: one is violated; 2: they could not be asked.
Reads DB_HOST, DB_PORT and AUDIT_DB_PASSWORD (user `crossborder_audit`) from the environment, else from `.run/env`; with
`--topics` also KAFKA_BOOTSTRAP_SERVERS, and compares every topic with every inbox.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import MySQLdb
from confluent_kafka import KafkaException

from . import payments, topics
from .invariants import QUESTIONS as ORDERS_QUESTIONS
from .invariants import SETTLED_AFTER_SECONDS

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = ORDERS_QUESTIONS | payments.QUESTIONS


class Unasked(Exception):
    """What keeps the invariants from being asked."""


def connect(variables: dict[str, str]) -> Any:
    for name in ("DB_HOST", "DB_PORT", "AUDIT_DB_PASSWORD"):
        if not variables.get(name):
            raise Unasked(f"{name} is not set, and .run/env does not have it.")
    if not variables["DB_PORT"].isdecimal():
        raise Unasked(f"DB_PORT must be a number, not {variables['DB_PORT']!r}.")
    connection = MySQLdb.connect(
        host=variables["DB_HOST"],
        port=int(variables["DB_PORT"]),
        user="crossborder_audit",
        passwd=variables["AUDIT_DB_PASSWORD"],
        charset="utf8mb4",
    )
    connection.cursor().execute("SET time_zone = '+00:00'")
    return connection


def violations(variables: dict[str, str], *, settled: int = SETTLED_AFTER_SECONDS) -> dict[str, list[tuple]]:
    """What violates which invariant, at most 20 rows each; what is younger than `settled` seconds may be under way."""
    found = {}
    connection = connect(variables)
    try:
        for name, question in QUESTIONS.items():
            cursor = connection.cursor()
            cursor.execute(question.replace("{settled}", str(int(settled))))
            if rows := cursor.fetchmany(20):
                found[name] = list(rows)
    finally:
        connection.close()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.audit")
    parser.add_argument("--settled", type=int, default=SETTLED_AFTER_SECONDS, help="what is younger may be under way")
    parser.add_argument("--topics", action="store_true", help="compare every topic with every inbox, too (I4, I5)")
    options = parser.parse_args()
    from deploy.local.layout import read_variables

    variables = read_variables(ROOT / ".run" / "env") | dict(os.environ)
    try:
        found = violations(variables, settled=options.settled)
        if options.topics:
            found |= topics.violations(variables, connect(variables), settled=options.settled)
    except (Unasked, MySQLdb.Error, KafkaException, TimeoutError) as problem:
        print(f"  The invariants could not be asked: {problem}", file=sys.stderr)
        return 2
    for name in [*QUESTIONS, *(topics.QUESTIONS if options.topics else ())]:
        print(f"  {'!!' if name in found else 'ok'}  {name.split(' ', 1)[0]}  not: {name.split(' ', 1)[1]}")
        for row in found.get(name, []):
            print(f"          {' '.join(map(str, row))}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
