"""What an operator sees: topics, status, metrics, checks, the public names."""

import importlib
import json

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from outbox.metrics import register_row_counts
from project.settings import RUN
from project.writing import count
from prometheus_client import CollectorRegistry, generate_latest
from uuid_utils.compat import uuid7


def test_topics_are_made_once_and_their_retention_follows_the_file(settings, tmp_path, capsys, monkeypatch):
    name, file = f"outbox-test-{RUN}-{uuid7().hex[-8:]}", tmp_path / "topics.toml"
    settings.OUTBOX = {**settings.OUTBOX, "TOPICS_FILE": str(file)}
    monkeypatch.setenv("KAFKA_SOME_TOPIC", name)
    said = []
    for days in ("retention_days = 14", "retention_days = 14", "cleanup = 'compact'"):
        file.write_text(f'[[topic]]\nname = "some"\nsetting = "KAFKA_SOME_TOPIC"\npartitions = 2\n{days}\n')
        importlib.import_module("outbox.topics")._entries.cache_clear()
        call_command("topics_apply")
        said.append(capsys.readouterr().out.strip())
    assert said == [f"made {name}", "nothing to do", f"changed {name}"]


def test_topics_apply_says_when_the_broker_is_away(no_broker, settings, tmp_path):
    file = tmp_path / "topics.toml"
    file.write_text('[[topic]]\nname = "some"\npartitions = 1\n')
    settings.OUTBOX = {**settings.OUTBOX, "TOPICS_FILE": file}
    with pytest.raises(CommandError):
        call_command("topics_apply", "--seconds", "0.5")


@pytest.mark.django_db
def test_status_and_metrics_count_what_waits(capsys):
    count("a")
    count("b")
    call_command("outbox_status", "--json")
    assert json.loads(capsys.readouterr().out)["outbox_pending"] == 2
    registry = CollectorRegistry()
    register_row_counts(registry)
    text = generate_latest(registry).decode()
    for line in ("outbox_pending 2.0", "outbox_dead 0.0", "outbox_blocked_keys 0.0", "inbox_parked 0.0"):
        assert line in text.splitlines()
    assert "outbox_oldest_pending_seconds 0.0" in text


def test_another_isolation_level_is_an_error(settings):
    settings.DATABASES["default"]["OPTIONS"]["isolation_level"] = "repeatable read"
    try:
        assert "outbox.E002" in [message.id for message in run_checks()]
    finally:
        del settings.DATABASES["default"]["OPTIONS"]["isolation_level"]
    assert "outbox.E002" not in [message.id for message in run_checks()]


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("publishing", "publish pending_count"),
        ("events", "Event"),
        ("transactions", "retry_conflicts"),
        ("context", "correlation current"),
        ("progress", "caught_up_since"),
        ("dead", "replay discard waiting"),
        ("parked", "retry_key retry_due discard"),
        ("metrics", "register_row_counts"),
        ("testing", "capture_events deliver MemoryBroker"),
        ("tasks", "publish_outbox_events retry_parked purge_inbox"),
    ],
)
def test_the_public_names_stay(module, names):
    found = importlib.import_module(f"outbox.{module}")
    assert all(hasattr(found, name) for name in names.split())
