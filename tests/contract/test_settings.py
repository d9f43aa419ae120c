"""What the code reads, `.env.example` and the README's table name the same settings with the same defaults."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READERS = {"str", "int", "bool", "list", "redis", "topic", "networks", "choice", "matching", "http"}
LOCAL = {"PORT_BASE"}  # read by deploy/local before there are any libraries


def read_by_code() -> set[str]:
    """Names given to the reader of settings, in the library and in every service."""
    files = [*(ROOT / "libs/chassis/chassis").glob("*.py"), *ROOT.glob("services/*/*/settings.py")]
    names = set(LOCAL)
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READERS:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and re.fullmatch(r"[A-Z][A-Z0-9_]+", str(first.value)):
                    names.add(first.value)
    names |= {f"CELERY_{service.upper()}_QUEUE" for service in SERVICES}
    return names | {"KAFKA_ORDERS_TOPIC", "KAFKA_STOCK_TOPIC", "KAFKA_PAYMENTS_TOPIC", "KAFKA_USERS_TOPIC"}


SERVICES = ("identity", "catalog", "orders", "payments", "notifications")


def in_example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {match[1]: match[2] for line in lines if (match := re.fullmatch(r"# ([A-Z][A-Z0-9_]+)=(.*)", line))}


def in_readme() -> dict[str, str]:
    rows = re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \| (.*?) \|", (ROOT / "README.md").read_text(), re.M)
    return {name: default.strip("`") for name, default in rows}


def test_the_example_has_every_setting_that_the_code_reads_and_no_other():
    assert set(in_example()) == read_by_code()


def test_the_readmes_table_says_the_same_as_the_example():
    assert in_readme() == {name: default or "none" for name, default in in_example().items()}


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("DB_PORT", "many", "orders: DB_PORT must be int, not 'many'"),
        ("ORDERS_DB_PORT", "x", "orders: ORDERS_DB_PORT must be int, not 'x'"),
        ("ORDER_EXPIRATION_MINUTES", "0", "orders: ORDER_EXPIRATION_MINUTES must be at least 1, not 0"),
        ("CELERY_BROKER_URL", "amqp://x", "orders: CELERY_BROKER_URL must be a redis:// address"),
        ("SECRET_KEY", None, "orders: SECRET_KEY is not set"),
        ("ORDER_TOKEN_KEY", None, "orders: ORDER_TOKEN_KEY is not set"),
    ],
)
def test_a_missing_or_malformed_setting_stops_the_process_with_one_sentence(tmp_path, variable, value, sentence):
    given = {"SECRET_KEY": "s", "ORDER_TOKEN_KEY": "t", variable: value}
    environment = {name: text for name, text in given.items() if text is not None}
    environment |= {
        "PATH": os.environ["PATH"],
        "CROSSBORDER_ROOT": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "orders.settings",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT / "services" / "orders",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip().startswith(sentence), done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_services_own_value_wins_over_the_shared_one(tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "CROSSBORDER_ROOT": str(tmp_path),
        "SECRET_KEY": "s",
        "DB_HOST": "shared.example",
        "CATALOG_DB_HOST": "own.example",
        "CELERY_BROKER_URL": "redis://r.example:1/7",
        "DJANGO_SETTINGS_MODULE": "catalog.settings",
    }
    code = "from django.conf import settings as s; print(s.DATABASES['default']['HOST'], s.CELERY_BROKER_URL)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "services/catalog",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["own.example", "redis://r.example:1/2"]
