"""What an operator sees: topics, status, metrics, checks."""

import importlib
import json
from datetime import timedelta

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.utils import timezone
from outbox import progress
from outbox.conf import conf
from outbox.metrics import register_row_counts, row_counts
from outbox.models import KeyBlock
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


@pytest.mark.parametrize(
    ("name", "value", "id"),
    [
        ("GROUP_PROTOCOL", "new", "outbox.E003"),
        ("PUBLISH_SECONDS", 0.1, "outbox.E004"),
        ("BATCH_SIZE", 0, "outbox.E004"),
        ("MAX_ATTEMPTS", 0, "outbox.E004"),
        ("TOPICS_FILE", "/nowhere/TOPICS_FILE", "outbox.E005"),
    ],
)
def test_a_setting_that_would_mean_something_else_is_an_error(settings, name, value, id):
    settings.OUTBOX = {**settings.OUTBOX, name: value}
    [message] = [message for message in run_checks() if message.id.startswith("outbox.")]
    assert message.id == id
    assert name in message.msg


def test_another_isolation_level_is_an_error(settings):
    settings.DATABASES["default"]["OPTIONS"]["isolation_level"] = "repeatable read"
    try:
        assert "outbox.E002" in [message.id for message in run_checks()]
    finally:
        del settings.DATABASES["default"]["OPTIONS"]["isolation_level"]
    assert "outbox.E002" not in [message.id for message in run_checks()]


@pytest.mark.django_db
def test_status_reads_like_a_report(capsys, settings):
    settings.OUTBOX = {**settings.OUTBOX, "SUBSCRIPTIONS": ["nobodys-events"]}
    count("a")
    now = timezone.now()
    KeyBlock.objects.create(topic="t", key="late", lane=1, until=now + timedelta(seconds=90), attempts=2, error="large")
    KeyBlock.objects.create(topic="t", key="dead", lane=1, until=None, attempts=5, error="large")
    progress.record([("nobodys-events", 0)], now - timedelta(minutes=5))
    call_command("outbox_status")
    said = capsys.readouterr().out
    for line in (
        f"writes {conf.TOPIC}",
        "waiting to be sent          1  oldest 0 s",
        "keys that wait              2",
        "late: waits, tried again in 90 s; 2 attempts; large",
        "dead: waits, for a person: its event is dead; 5 attempts; large",
        "reads nobodys-events           to its end 5 min ago, 1 partitions; lag 0",
    ):
        assert line in said


@pytest.mark.django_db
def test_status_does_not_need_the_broker(no_broker, capsys):
    call_command("outbox_status")
    assert "lag unknown: kafka is away" in capsys.readouterr().out


@pytest.mark.django_db
def test_a_consumer_that_does_not_run_is_noticed_by_the_web_process(settings):
    settings.OUTBOX = {**settings.OUTBOX, "SUBSCRIPTIONS": ["order-events"]}
    now = timezone.now()
    progress.record([("order-events", 0)], now)
    progress.record([("order-events", 1)], now - timedelta(minutes=5))
    progress.record([("no-longer-read", 0)], now - timedelta(days=5))
    assert 300 <= row_counts()["consumer_behind_seconds"] < 320


@pytest.mark.parametrize(
    ("command", "action"),
    [("inbox_parked", "retry"), ("inbox_parked", "discard"), ("outbox_dead", "replay"), ("outbox_dead", "discard")],
)
def test_settling_nothing_in_particular_is_refused(command, action):
    with pytest.raises(CommandError, match="--all"):
        call_command(command, action)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("command", ["inbox_parked", "outbox_dead"])
def test_a_system_user_without_a_name_can_settle_too(command, monkeypatch):
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # as in a container whose number has no entry in passwd
    call_command(command, "list")
