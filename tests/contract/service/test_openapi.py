"""The committed OpenAPI document is the code's; every task that is woken by name exists."""

from __future__ import annotations

import ast
from pathlib import Path

import yaml
from celery import Task
from django.conf import settings
from django.core.management import call_command
from django.utils.module_loading import import_string


def test_the_committed_document_is_what_the_code_says(tmp_path):
    fresh = tmp_path / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(fresh))
    committed = Path(settings.BASE_DIR) / "contracts" / "openapi.yaml"
    assert yaml.safe_load(committed.read_text()) == yaml.safe_load(fresh.read_text()), "run: make docs"


def test_every_task_that_is_woken_by_name_exists():
    package = Path(settings.BASE_DIR) / settings.SERVICE
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "enqueue":
                name = ast.literal_eval(node.args[0])
                assert isinstance(import_string(name), Task), f"{file.name}: {name}"


def test_every_beat_schedule_names_a_task():
    for name in settings.BEAT_SCHEDULES:
        assert isinstance(import_string(name), Task), name
