"""Banks that contest charges: by test method, and when an operator says so."""

from __future__ import annotations

from .conftest import wait_until


def admin(sandbox, intent, what: str, **body):
    return sandbox.ask("POST", f"/admin/intents/{intent['id']}/{what}", body or None)


def test_a_charge_is_contested_after_its_capture(sandbox, shop):
    intent = sandbox.captured("tok_disputed")
    [dispute] = wait_until(lambda: sandbox.read(intent)["disputes"])
    assert (dispute["status"], dispute["amount"], dispute["reason"]) == ("open", 12999, "fraudulent")
    wait_until(lambda: "dispute.opened" in shop.types())


def test_a_contested_charge_is_won_or_lost(sandbox, shop):
    for verdict in ("won", "lost"):
        intent = sandbox.captured(f"tok_disputed_{verdict}")
        wait_until(lambda intent=intent: [row["status"] for row in sandbox.read(intent)["disputes"]][-1:] != [])
        wait_until(lambda intent=intent, v=verdict: sandbox.read(intent)["disputes"][0]["status"] == v)
        wait_until(lambda v=verdict: f"dispute.{v}" in shop.types())


def test_an_operator_contests_a_part_and_decides(sandbox):
    intent = sandbox.captured()
    status, contested = admin(sandbox, intent, "dispute", amount=500, reason="product_not_received")
    assert status == 200
    assert (
        contested["disputes"][0] | {"amount": 500, "reason": "product_not_received", "status": "open"}
        == (contested["disputes"][0])
    )
    assert admin(sandbox, intent, "dispute")[1]["code"] == "already_disputed"
    assert admin(sandbox, intent, "dispute/lost")[1]["disputes"][0]["status"] == "lost"
    assert admin(sandbox, intent, "dispute/won")[1]["code"] == "not_disputed"


def test_what_is_contested_or_lost_is_not_paid_back(sandbox):
    intent = sandbox.captured()
    admin(sandbox, intent, "dispute", amount=10000)
    assert sandbox.do(intent, "refunds", reference="r:1", amount=1)[1]["code"] == "charge_disputed"
    admin(sandbox, intent, "dispute/lost")
    assert sandbox.do(intent, "refunds", reference="r:2", amount=3000)[1]["code"] == "refund_too_large"
    assert sandbox.do(intent, "refunds", reference="r:3", amount=2999)[0] == 200


def test_what_was_not_captured_cannot_be_contested(sandbox):
    _, intent = sandbox.create()
    assert admin(sandbox, intent, "dispute")[1]["code"] == "invalid_state"
    captured = sandbox.captured()
    assert admin(sandbox, captured, "dispute", amount=13000)[1]["code"] == "dispute_too_large"
    assert admin(sandbox, captured, "dispute", reason="mood")[0] == 400


def test_a_dispute_and_a_pending_refund_each_come_at_their_time(sandbox):
    intent = sandbox.captured("tok_disputed_won")
    wait_until(lambda: sandbox.read(intent)["disputes"])
    sandbox.kill()
    sandbox.start()
    wait_until(lambda: sandbox.read(intent)["disputes"][0]["status"] == "won")
