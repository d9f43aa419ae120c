"""Each test payment method does what the README says."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from deploy.sandbox_provider.methods import METHODS

from .conftest import PACE, Sandbox, wait_until


def test_the_readme_knows_every_method():
    text = (Path(__file__).resolve().parents[1] / "README.md").read_text()
    assert set(re.findall(r"`(tok_\w+)`", text)) == set(METHODS)


def test_the_index_lists_every_method_and_the_newest_intents(sandbox):
    _, intent = sandbox.create(reference="<b>seen</b>")
    status, page = sandbox.ask("GET", "/")
    assert status == 200
    assert all(name in page for name in [*METHODS, intent["id"], "&lt;b&gt;seen", "129.99 €"])


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("tok_decline", "card_declined"),
        ("tok_insufficient_funds", "insufficient_funds"),
        ("tok_fraudulent", "fraudulent"),
    ],
)
def test_a_declined_card_says_why(sandbox, method, code):
    _, intent = sandbox.create(method)
    assert (intent["status"], intent["code"]) == ("declined", code)
    assert sandbox.do(intent, "capture")[0] == 402


def test_timeout_done_is_authorised_while_the_answer_is_still_missing(sandbox):
    with pytest.raises(TimeoutError):
        sandbox.create("tok_timeout_done", reference="a", timeout=3 * PACE)
    assert [intent["status"] for intent in sandbox.of("a")] == ["authorized"]


def test_timeout_lost_does_nothing_and_works_under_a_new_key(sandbox):
    started = time.monotonic()
    with pytest.raises(ConnectionError):
        sandbox.create("tok_timeout_lost", reference="a")
    assert time.monotonic() - started > 5 * PACE
    assert sandbox.of("a") == []
    assert sandbox.create("tok_timeout_lost", reference="a")[1]["status"] == "authorized"


def test_error_500_is_replayed_under_its_key_and_works_under_a_new_one(sandbox):
    answers = [sandbox.create("tok_error_500", key="k", reference="a")[0] for _ in range(3)]
    assert answers == [500, 500, 500]
    assert sandbox.of("a") == []
    assert sandbox.create("tok_error_500", reference="a")[0] == 200


def test_error_done_is_authorised_although_it_says_500(sandbox):
    assert [sandbox.create("tok_error_done", key="k", reference="a")[0] for _ in range(2)] == [500, 500]
    assert [intent["status"] for intent in sandbox.of("a")] == ["authorized"]


def test_slow_succeeds_in_the_end(sandbox):
    started = time.monotonic()
    assert sandbox.create("tok_slow")[1]["status"] == "authorized"
    assert time.monotonic() - started >= 2 * PACE


def test_processing_is_authorised_later(sandbox, shop):
    _, intent = sandbox.create("tok_processing")
    assert intent["status"] == "processing"
    wait_until(lambda: shop.types() == ["intent.processing", "intent.authorized"])
    assert sandbox.read(intent)["status"] == "authorized"


def test_processing_that_was_cancelled_stays_so(sandbox, shop):
    _, intent = sandbox.create("tok_processing")
    sandbox.do(intent, "cancel")
    _, marker = sandbox.create("tok_processing")
    wait_until(lambda: sandbox.read(marker)["status"] == "authorized")
    assert sandbox.read(intent)["status"] == "cancelled"


def test_late_success_is_declined_first(sandbox):
    _, intent = sandbox.create("tok_late_success")
    assert intent["status"] == "declined"
    wait_until(lambda: sandbox.read(intent)["status"] == "authorized", 8 * PACE)


def test_wrong_amount_holds_another_amount(sandbox):
    assert sandbox.create("tok_wrong_amount")[1]["amount"] == 13000


def test_capture_refused_is_for_good(sandbox):
    _, intent = sandbox.create("tok_capture_refused")
    for _ in range(2):
        status, after = sandbox.do(intent, "capture")
        assert (status, after["status"], after["code"]) == (200, "capture_refused", "authorization_revoked")


def test_capture_timeouts_with_and_without_an_effect(sandbox):
    _, done = sandbox.create("tok_capture_timeout_done")
    _, lost = sandbox.create("tok_capture_timeout_lost")
    for intent in (done, lost):
        with pytest.raises(OSError):
            sandbox.do(intent, "capture", timeout=3 * PACE)
    assert (sandbox.read(done)["status"], sandbox.read(lost)["status"]) == ("captured", "authorized")
    assert sandbox.do(lost, "capture")[1]["status"] == "captured"


def test_capture_once_refuses_to_capture_again(sandbox):
    _, intent = sandbox.create("tok_capture_once")
    with pytest.raises(OSError):
        sandbox.do(intent, "capture", timeout=3 * PACE)
    assert sandbox.do(intent, "capture")[1]["status"] == "captured"
    status, body = sandbox.do(intent, "capture")
    assert (status, body["code"]) == (402, "already_captured")


def test_a_refunds_tries_are_numbered_after_a_colon(sandbox):
    intent = sandbox.captured("tok_refund_fails")
    for reference in ("r:1", "r:2"):
        sandbox.do(intent, "refunds", reference=reference, amount=9000)
    found = [(refund["reference"], refund["status"]) for refund in sandbox.read(intent)["refunds"]]
    assert found == [("r:1", "failed"), ("r:2", "succeeded")]


def test_each_refund_fails_first(sandbox):
    intent = sandbox.captured("tok_refund_fails")
    for reference in ("r1", "r2"):
        sandbox.do(intent, "refunds", reference=reference, amount=9000)
    sandbox.do(intent, "refunds", reference="r1", amount=9000)
    found = [(refund["reference"], refund["status"]) for refund in sandbox.read(intent)["refunds"]]
    assert found == [("r1", "failed"), ("r2", "failed"), ("r1", "succeeded")]


def test_pending_refunds_succeed_one_after_the_other(sandbox, shop):
    intent = sandbox.captured("tok_refund_pending")
    for reference in ("r1", "r2"):
        _, after = sandbox.do(intent, "refunds", reference=reference, amount=100)
        assert after["refunds"][-1]["status"] == "pending"
    wait_until(lambda: all(row["status"] == "succeeded" for row in sandbox.read(intent)["refunds"]))
    wait_until(lambda: "refund.succeeded" in shop.types())


def test_an_authorisation_ends_by_itself(tmp_path, shop):
    sandbox = Sandbox(tmp_path, shop.url, SANDBOX_AUTH_HOURS=str(0.2 / 3600))
    _, intent = sandbox.create()
    wait_until(lambda: sandbox.read(intent)["status"] == "cancelled")
    assert sandbox.read(intent)["code"] == "authorization_expired"
    assert sandbox.do(intent, "capture")[0] == 402
    sandbox.kill()
