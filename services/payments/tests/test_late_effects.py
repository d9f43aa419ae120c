"""What lands at the provider after we had read that it had not, or is refused although it has been done."""

from __future__ import annotations

import pytest
from django.utils import timezone
from payments.models import Attempt, ProviderOperation
from payments.use_cases.refunds import retry_refund

TOTAL = 12999


def post(purchase, path: str, **body) -> dict:
    """A call that somebody made long ago, landing now."""
    answer = purchase.provider._client.post(path, json=body, headers={"Idempotency-Key": f"late-{path}-{body}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def a_lost_attempt_lands(purchase, sweep, method: str, *, captured: bool) -> Attempt:
    """The first attempt, lost, is made after all while the second counts."""
    purchase.pay("tok_timeout_lost")
    sweep()
    purchase.pay("tok_success").say("confirmed", repeat=0)
    lost = purchase.payment.attempts.get(number=1)
    fields = {"reference": str(lost.pk), "amount": TOTAL, "currency": "EUR", "payment_method": method}
    intent = post(purchase, "/v1/intents", **fields)
    if captured:
        post(purchase, f"/v1/intents/{intent['id']}/capture")
    return lost


def test_a_capture_that_lands_late_makes_the_next_one_refused_and_the_money_is_seen(purchase, sweep, without_workers):
    purchase.pay("tok_capture_once")
    sweep()
    purchase.say("confirmed", repeat=0)
    sweep()  # the capture gets no answer
    sweep()  # it is read: not captured
    assert ProviderOperation.objects.get(open_payment=purchase.payment_id).idempotency_key.endswith(":2")
    post(purchase, f"/v1/intents/{purchase.intents()[0]['id']}/capture")
    sweep()  # the second one is refused: already captured

    assert (purchase.state, purchase.said()) == ("captured", ["authorized", "captured"])
    assert purchase.kept() == TOTAL


def refused_capture(purchase, sweep) -> str:
    """A capture that is refused while the money is still held; the object's id."""
    purchase.pay("tok_success")
    sweep()
    purchase.say("confirmed", repeat=0)
    operation = ProviderOperation.objects.get(kind="capture")
    intent_id = purchase.intents()[0]["id"]
    # its key was used for another request, which the provider refuses
    key = {"Idempotency-Key": operation.idempotency_key}
    body = {"reference": "other", "amount": 1, "currency": "EUR", "payment_method": "tok_success"}
    assert purchase.provider._client.post("/v1/intents", json=body, headers=key).status_code == 200
    sweep()
    assert (purchase.state, purchase.said()) == ("failed", ["authorized", "capture_failed"])
    return intent_id


def test_what_is_still_held_after_a_refused_capture_is_let_go(purchase, sweep, without_workers):
    refused_capture(purchase, sweep)
    for _ in range(3):
        sweep()
    assert (purchase.state, purchase.kept()) == ("voided", 0)
    assert purchase.said() == ["authorized", "capture_failed", "voided"]


@pytest.mark.parametrize("cancelled", [True, False])
def test_what_is_captured_after_its_refusal_is_given_back(purchase, sweep, without_workers, cancelled):
    intent_id = refused_capture(purchase, sweep)
    post(purchase, f"/v1/intents/{intent_id}/capture")
    if cancelled:
        purchase.say("cancelled", reason="capture_failed")
    for _ in range(3):
        sweep()
    assert (purchase.state, purchase.kept()) == ("captured", 0)
    assert purchase.said() == ["authorized", "capture_failed", "captured", "refunded"]


def test_what_failed_and_holds_nothing_is_read_once_more_and_then_left_alone(purchase, sweep, without_workers):
    purchase.pay("tok_capture_refused")
    sweep()
    purchase.say("confirmed", repeat=0)
    for _ in range(3):
        sweep()
    assert (purchase.state, purchase.payment.settle_at) == ("failed", None)
    assert purchase.payment.attempts.get().state == "ended"


def test_a_retried_refund_is_not_answered_by_its_own_first_failure(purchase, sweep):
    purchase.pay("tok_refund_fails").say("confirmed", repeat=0)
    refund_id = purchase.ask_refund(2999)
    purchase.provider.kill()
    retry_refund(payment_id=purchase.payment_id, refund_id=refund_id, now=timezone.now())
    purchase.provider.start()
    for _ in range(3):
        sweep()
    assert purchase.said()[2:] == ["refund_failed", "refunded"]
    assert purchase.kept() == 10000


def test_a_refund_that_succeeded_under_an_earlier_reference_is_not_sent_again(purchase, sweep):
    purchase.pay("tok_refund_fails").say("confirmed", repeat=0)
    refund_id = purchase.ask_refund(2999)
    post(purchase, f"/v1/intents/{purchase.intents()[0]['id']}/refunds", reference=f"{refund_id}:1", amount=2999)
    retry_refund(payment_id=purchase.payment_id, refund_id=refund_id, now=timezone.now())
    for _ in range(3):
        sweep()
    assert purchase.said()[2:] == ["refund_failed", "refunded"]
    assert purchase.kept() == 10000


@pytest.mark.parametrize("method", ["tok_refund_fails", "tok_refund_pending"])
def test_a_surplus_is_given_back_when_its_refund_has_succeeded_not_before(purchase, sweep, method, wait_for, caplog):
    lost = a_lost_attempt_lands(purchase, sweep, method, captured=True)
    sweep(seconds=90)
    lost.refresh_from_db()
    assert lost.state == "surplus"
    if method == "tok_refund_fails":
        assert "could not be given back" in caplog.text
        sweep(seconds=10)
        assert len(purchase.intents()[0]["refunds"]) == 1  # it is not tried again at once
    wait_for(lambda: "pending" not in str(purchase.intents()[0]["refunds"]))
    for _ in range(3):
        sweep(seconds=90)
    lost.refresh_from_db()
    assert (lost.state, purchase.kept()) == ("given_back", TOTAL)


def test_every_surplus_is_given_back(purchase, sweep, without_workers, wait_for):
    for _ in range(2):
        purchase.pay("tok_late_success")
        sweep()
    purchase.pay("tok_success")
    sweep()
    wait_for(lambda: [intent["status"] for intent in purchase.intents()] == ["authorized"] * 3)
    for intent in purchase.intents()[:2]:
        late = wait_for(lambda intent=intent: purchase.listener.of(intent["id"])[1:])[0]
        purchase.hand_over(late)
    for _ in range(4):
        sweep()
    assert purchase.kept() == TOTAL
    assert list(purchase.payment.attempts.order_by("number").values_list("state", flat=True)) == [
        *["given_back"] * 2,
        "current",
    ]


def test_a_surplus_that_was_captured_and_given_back_stays_so(purchase, sweep):
    lost = a_lost_attempt_lands(purchase, sweep, "tok_success", captured=True)
    sweep(seconds=90)
    for webhook in purchase.listener.of(purchase.intents()[0]["id"]):
        purchase.hand_over(webhook)
    sweep(seconds=90)
    lost.refresh_from_db()
    assert (lost.state, purchase.kept()) == ("given_back", TOTAL)
    assert ProviderOperation.objects.filter(kind="give_back").count() == 1
