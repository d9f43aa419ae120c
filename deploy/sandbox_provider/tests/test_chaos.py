"""Bad days at random: as often as asked for, the same ones for the same seed, and never twice for one call."""

from __future__ import annotations

import pytest

from .conftest import wait_until


def chaos(sandbox, seed: int = 7, **rates: float):
    return sandbox.ask("POST", "/admin/chaos", {"seed": seed, "rates": rates})


def outcomes(sandbox, count: int) -> list[str]:
    found = []
    for number in range(count):
        status, intent = sandbox.create(reference=f"order-{number}")
        found.append(intent["status"] if status == 200 else str(status))
    return found


def test_the_same_seed_brings_the_same_days(sandbox):
    chaos(sandbox, decline=0.3, error_500=0.3)
    first = outcomes(sandbox, 30)
    assert {"authorized", "declined", "500"} == set(first)
    chaos(sandbox, seed=8, decline=0.3)
    other = outcomes(sandbox, 30)
    assert "500" not in other
    assert [each == "declined" for each in other] != [each == "declined" for each in first]
    chaos(sandbox)
    assert outcomes(sandbox, 30) == ["authorized"] * 30


@pytest.mark.parametrize("name", ["error_500", "timeout_before"])
def test_what_failed_goes_well_under_a_new_key(sandbox, name):
    chaos(sandbox, **{name: 1})
    try:
        assert sandbox.create(reference="r", key="r:1")[0] == 500
    except OSError:
        assert name == "timeout_before"
    assert sandbox.of("r") == []
    assert sandbox.create(reference="r", key="r:2")[1]["status"] == "authorized"


@pytest.mark.parametrize("name", ["error_done", "timeout_after"])
def test_what_is_done_without_a_good_answer_is_there_to_be_read(sandbox, name):
    chaos(sandbox, **{name: 1})
    sandbox.create(reference="r", key="r:1")
    assert [intent["status"] for intent in sandbox.of("r")] == ["authorized"]


def test_captures_cancels_and_refunds_have_bad_days_too(sandbox):
    intent, other = sandbox.create()[1], sandbox.create()[1]
    chaos(sandbox, error_500=1)
    assert sandbox.do(intent, "capture")[0] == sandbox.do(other, "cancel")[0] == 500
    assert sandbox.do(intent, "capture")[1]["status"] == "captured"
    chaos(sandbox, refund_fails=1)
    refunds = [sandbox.do(intent, "refunds", reference=f"r:{n}", amount=5)[1]["refunds"][-1]["status"] for n in (1, 2)]
    assert refunds == ["failed", "succeeded"]


def test_webhooks_are_lost_and_doubled(sandbox, shop):
    chaos(sandbox, webhook_lost=1)
    sandbox.create()
    chaos(sandbox, webhook_twice=1)
    _, twice = sandbox.create("tok_decline")
    wait_until(lambda: len(shop.events) == 2)
    assert shop.types() == ["intent.declined"] * 2
    assert twice["status"] == "declined"


def test_a_lost_webhook_is_lost_by_its_method_too(sandbox, shop):
    _, intent = sandbox.create("tok_webhook_lost")
    sandbox.do(intent, "capture")
    sandbox.create("tok_decline")
    wait_until(lambda: shop.events)
    assert shop.types() == ["intent.declined"]


def test_chaos_outlives_the_process(sandbox):
    chaos(sandbox, decline=1)
    sandbox.kill()
    sandbox.start()
    assert outcomes(sandbox, 2) == ["declined", "declined"]


@pytest.mark.parametrize(
    "body", ["nonsense", "{}", '{"seed": 1, "rates": {"mood": 1}}', '{"seed": 1, "rates": {"slow": 2}}']
)
def test_a_bad_request_is_named(sandbox, body):
    status, answer = sandbox.ask("POST", "/admin/chaos", body)
    assert (status, answer["code"]) == (400, "invalid_request")
