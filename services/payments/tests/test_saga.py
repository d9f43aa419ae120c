"""The cases of the saga as payments sees them: in order, twice, and late."""

from __future__ import annotations

from uuid import uuid4

import pytest
from auth_jwt.testing import bearer
from payments.models import Refund


def test_case_4_what_was_authorised_is_captured_once_the_order_is_confirmed(purchase):
    purchase.pay("tok_success")
    assert (purchase.state, purchase.done("captured")) == ("authorized", 0)

    purchase.say("confirmed", repeat=0)

    assert (purchase.state, purchase.said()) == ("captured", ["authorized", "captured"])
    assert purchase.done("captured") == 1
    _, data = purchase.events()[-1]
    assert data["amount"] == {"amount_minor": 12999, "currency": "EUR"}
    assert (data["provider"], data["payment_id"]) == ("sandbox", str(purchase.payment_id))


def test_case_4_a_confirmation_that_comes_before_the_authorisation_captures_too(purchase):
    purchase.say("confirmed", repeat=0)
    purchase.pay("tok_success")
    assert purchase.said() == ["authorized", "captured"]


@pytest.mark.parametrize("method", ["tok_decline", "tok_insufficient_funds"])
def test_case_5_declined_the_shopper_tries_again(purchase, method):
    purchase.pay(method)
    assert purchase.shown()["status"] == "created"
    assert purchase.events()[-1][1]["retryable"] is True

    purchase.pay("tok_success")

    assert (purchase.state, purchase.said()) == ("authorized", ["failed", "authorized"])


def test_case_5_fraud_is_not_to_be_tried_again_with_that_card(purchase):
    purchase.pay("tok_fraudulent")
    name, data = purchase.events()[-1]
    assert (name, data["code"], data["retryable"]) == ("failed", "fraudulent", False)
    assert purchase.shown()["last_error"] == "fraudulent"


def test_case_5_abandoned_at_the_redirect_the_old_attempt_is_cancelled_before_the_new_one_starts(purchase):
    purchase.pay("tok_action")
    assert purchase.shown()["status"] == "requires_action"

    purchase.pay("tok_success")

    old, new = purchase.intents()
    assert (old["status"], new["status"]) == ("cancelled", "authorized")
    assert old["updated_at"] < new["created_at"]
    assert purchase.said() == ["failed", "authorized"]
    assert purchase.kept() == 12999


def test_case_5_approved_at_the_redirect(purchase):
    purchase.pay("tok_action")
    [intent] = purchase.intents()
    assert purchase.shown()["next_action"] == {"type": "redirect", "url": intent["redirect_url"]}

    back = purchase.provider.shopper(intent, "approve")
    assert back == f"https://shop.example/paid?intent={intent['id']}"
    purchase.hand_over(purchase.webhooks(2)[1])

    assert (purchase.state, purchase.said()) == ("authorized", ["authorized"])


def test_case_5_declined_at_the_redirect(purchase):
    purchase.pay("tok_action")
    purchase.provider.shopper(purchase.intents()[0], "decline")
    purchase.hand_over(purchase.webhooks(2)[1])
    assert (purchase.state, purchase.events()[-1][1]["code"]) == ("created", "authentication_failed")


def test_case_5_approved_at_the_redirect_and_the_webhook_is_lost(purchase, sweep):
    purchase.pay("tok_action")
    purchase.provider.shopper(purchase.intents()[0], "approve")
    assert purchase.state == "waiting"
    sweep()
    assert purchase.said() == ["authorized"]


def test_case_6_no_attempt_is_taken_once_time_is_up(purchase, time_machine_at):
    with time_machine_at(minutes=31):
        purchase.headers = bearer(purchase.user_id)
        answer = purchase.confirm("tok_success")
    assert (answer.status_code, answer.json()["code"]) == (409, "order_closed")
    assert purchase.payment.attempts.count() == 0


@pytest.mark.parametrize("reason", ["cancelled", "expired", "rejected"])
def test_case_7_an_order_that_ends_before_it_is_paid_owes_nothing(purchase, reason):
    purchase.say(reason, reason="buyer", lines=[])
    assert (purchase.state, purchase.said()) == ("closed", [])
    assert purchase.confirm("tok_success").json()["code"] == "order_closed"


def test_case_7_cancelled_while_the_shopper_is_at_the_redirect(purchase):
    purchase.pay("tok_action")
    purchase.say("cancelled", reason="buyer")
    assert [intent["status"] for intent in purchase.intents()] == ["cancelled"]
    assert purchase.state == "closed"


def test_case_7_cancelled_when_authorised_the_money_is_let_go(purchase):
    purchase.pay("tok_success")
    purchase.say("cancelled", reason="buyer")
    assert (purchase.state, purchase.said(), purchase.kept()) == ("voided", ["authorized", "voided"], 0)


def test_case_7_the_capture_won_so_the_money_goes_back(purchase):
    """Also case 8: cancelled when paid."""
    purchase.pay("tok_success").say("confirmed", repeat=0)
    purchase.say("cancelled", reason="buyer")

    assert purchase.said() == ["authorized", "captured", "refunded"]
    _, data = purchase.events()[-1]
    assert (data["refund_id"], data["amount"]["amount_minor"]) == (None, 12999)
    assert purchase.kept() == 0
    assert purchase.shown()["refunded"]["amount_minor"] == 12999


def test_case_8_cancelled_after_a_part_went_back_the_rest_follows(purchase):
    purchase.pay("tok_success").say("confirmed", repeat=0)
    refund_id = purchase.ask_refund(2999)
    purchase.say("cancelled", reason="staff")

    refunds = [(data["refund_id"], data["amount"]["amount_minor"]) for _, data in purchase.events()[2:]]
    assert refunds == [(str(refund_id), 2999), (None, 10000)]
    assert purchase.kept() == 0


def test_case_9_an_authorisation_that_arrives_for_a_closed_order_is_let_go(purchase, without_workers, sweep):
    purchase.pay("tok_success")
    purchase.say("expired", reason="expired")
    assert purchase.state == "sent"

    for _ in range(3):
        sweep()

    assert (purchase.state, purchase.kept()) == ("voided", 0)
    assert purchase.said() == ["authorized", "voided"]


def test_case_9_approved_at_the_redirect_after_the_order_was_closed(purchase, without_workers, sweep):
    purchase.pay("tok_action")
    sweep()
    purchase.say("cancelled", reason="buyer")  # the cancel of the attempt has not been sent yet
    purchase.provider.shopper(purchase.intents()[0], "approve")

    for _ in range(3):
        sweep()

    assert purchase.kept() == 0
    assert purchase.state in ("closed", "voided")


def test_case_11_a_late_second_success_is_given_back(purchase, sweep, wait_for):
    purchase.pay("tok_late_success")
    purchase.pay("tok_success").say("confirmed", repeat=0)
    wait_for(lambda: purchase.intents()[0]["status"] == "authorized")

    late = wait_for(lambda: purchase.listener.of(purchase.intents()[0]["id"])[1:])[0]
    purchase.hand_over(late)

    assert [intent["status"] for intent in purchase.intents()] == ["cancelled", "captured"]
    assert purchase.said() == ["failed", "authorized", "captured"]
    assert purchase.payment.attempts.get(number=1).state == "given_back"
    assert purchase.kept() == 12999


def test_case_11_a_wrong_amount_is_given_back_and_the_shopper_may_pay_again(purchase):
    purchase.pay("tok_wrong_amount")
    assert purchase.events()[-1][1]["code"] == "wrong_amount"
    assert purchase.kept() == 0

    purchase.pay("tok_success").say("confirmed", repeat=0)

    assert (purchase.state, purchase.kept()) == ("captured", 12999)


def test_case_14_capture_refused_for_good(purchase):
    purchase.pay("tok_capture_refused").say("confirmed", repeat=0)
    assert (purchase.state, purchase.said()) == ("failed", ["authorized", "capture_failed"])
    assert purchase.events()[-1][1]["code"] == "authorization_revoked"

    purchase.say("cancelled", reason="capture_failed")

    assert (purchase.state, purchase.said(), purchase.kept()) == ("failed", ["authorized", "capture_failed"], 0)


def test_case_21_every_event_twice_changes_nothing(purchase):
    purchase.request()
    purchase.pay("tok_success")
    event_id = uuid4()
    assert [purchase.say("confirmed", event_id=event_id, repeat=0) for _ in range(2)] == [True, False]
    purchase.say("confirmed", repeat=0)  # another event with the same meaning
    refund_id = purchase.ask_refund(100)
    purchase.ask_refund(100, refund_id)
    for _ in range(2):
        purchase.say("cancelled", reason="buyer")

    assert purchase.said() == ["authorized", "captured", "refunded", "refunded"]
    assert purchase.done("captured") == 1
    assert Refund.objects.count() == 2
    assert purchase.kept() == 0


@pytest.mark.parametrize("name", ["confirmed", "cancelled", "expired", "rejected"])
def test_an_event_about_an_order_that_never_asked_for_payment_changes_nothing(purchase, name):
    purchase.order_id = uuid4()
    purchase.say(name, reason="buyer")
    assert purchase.state == "created"


def test_what_ended_stays_ended_when_a_confirmation_comes_late(purchase):
    purchase.pay("tok_success")
    purchase.say("cancelled", reason="buyer")
    purchase.say("confirmed", repeat=0)
    assert (purchase.state, purchase.done("captured")) == ("voided", 0)
