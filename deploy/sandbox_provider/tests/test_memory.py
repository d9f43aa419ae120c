"""What was answered is not forgotten: not by a kill, not by compaction, not by a line cut in half."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from deploy.sandbox_provider.journal import Journal
from deploy.sandbox_provider.records import Answer, Strike

from .conftest import PACE, Sandbox, wait_until


@pytest.fixture
def restart(sandbox):
    """Kill -9, and start anew with the same folder."""

    def kill_and_start():
        sandbox.kill()
        sandbox.start()

    return kill_and_start


def test_everything_is_as_before_after_a_kill(sandbox, restart):
    captured = sandbox.captured()
    sandbox.do(captured, "refunds", reference="r", amount=7)
    _, waiting = sandbox.create("tok_action", reference="ours")
    before = [sandbox.read(captured), sandbox.read(waiting)]

    for _ in range(2):
        restart()
        assert [sandbox.read(captured), sandbox.read(waiting)] == before
    assert sandbox.of("ours") == [before[1]]
    assert sandbox.ask("POST", f"/pay/{waiting['id']}/approve")[0] == 303


def test_keys_and_strikes_outlive_a_kill(sandbox, restart):
    first = sandbox.create(key="k", reference="a")
    failed = sandbox.create("tok_error_500", key="e", reference="b")
    restart()
    assert sandbox.create(key="k", reference="a") == first
    assert sandbox.create("tok_error_500", key="e", reference="b") == failed
    assert sandbox.create("tok_error_500", reference="b")[0] == 200


def test_what_is_to_come_comes_after_a_kill(sandbox, restart):
    _, late = sandbox.create("tok_late_success")
    refunded = sandbox.captured("tok_refund_pending")
    sandbox.do(refunded, "refunds", reference="r", amount=7)
    restart()
    wait_until(lambda: sandbox.read(late)["status"] == "authorized", 20 * PACE + 5)
    wait_until(lambda: sandbox.read(refunded)["refunds"][0]["status"] == "succeeded")


def test_kills_while_it_works_lose_nothing_that_was_answered(sandbox):
    answered, going_on = [], threading.Event()
    going_on.set()

    def create():
        while going_on.is_set():
            try:
                answered.append(sandbox.create()[1])
            except OSError:
                continue

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for goal in (30, 60, 90):
        wait_until(lambda goal=goal: len(answered) > goal, 20)
        sandbox.kill()
        sandbox.start()
    going_on.clear()
    for thread in threads:
        thread.join(20)

    assert [sandbox.read(intent) for intent in answered] == answered


def test_a_line_that_was_cut_off_is_dropped(sandbox, tmp_path):
    _, intent = sandbox.create()
    sandbox.kill()
    with (tmp_path / "journal.jsonl").open("a") as journal:
        journal.write('[["intent",{"id":"pi_half')
    sandbox.start()
    assert sandbox.read(intent) == intent
    _, other = sandbox.create()
    sandbox.kill()
    sandbox.start()
    assert sandbox.read(other) == other


def test_keys_are_forgotten_after_a_day(tmp_path):
    now = time.time()
    journal = Journal(tmp_path, now)
    young = Answer("young", "x", 200, "{}", now)
    journal.commit(young, replace(young, key="old", at=now - 24 * 3600 - 1), Strike("old", now - 24 * 3600 - 1))

    journal.compact(now)

    again = Journal(tmp_path, now)
    assert (set(again.answers), again.strikes) == ({"young"}, {})


def test_a_second_provider_does_not_touch_the_first_ones_memory(sandbox, tmp_path):
    journal = tmp_path / "journal.jsonl"
    wait_until(journal.exists, what="the first one's journal")  # it listens before it has read
    inode = journal.stat().st_ino
    other = Sandbox.__new__(Sandbox)
    other.port, other.variables = sandbox.port, sandbox.variables
    other.start()
    assert other.process.wait(10) != 0
    assert journal.stat().st_ino == inode
    assert sandbox.create()[0] == 200


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SANDBOX_URL", "nonsense"),
        ("PAYMENTS_WEBHOOK_SECRETS", ""),
        ("SANDBOX_PACE", "-1"),
        ("SANDBOX_AUTH_HOURS", "x"),
    ],
)
def test_a_bad_setting_is_named(variable, value):
    from deploy.sandbox_provider.settings import read_settings

    good = {"PUBLIC_URL": "http://shop.example", "PAYMENTS_WEBHOOK_SECRETS": "s"}
    assert read_settings(good).webhook_url == "http://shop.example/api/v1/webhooks/payments/sandbox"
    with pytest.raises(SystemExit, match=variable):
        read_settings(good | {variable: value})


def test_it_stops_when_it_is_asked_to(tmp_path, shop):
    assert Sandbox(tmp_path, shop.url).stop() == 0
