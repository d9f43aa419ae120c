"""Whole purchases over the plug-in: the same saga, at Stripe."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from payments.models import Attempt, ProviderOperation, WebhookEvent
from payments.use_cases.reconciliation import reconcile_day

from tests.test_settings import SERVICE, started

TOTAL = 12999
CONFIRM = "POST /v1/payment_intents/{id}/confirm"


def test_paid_and_partly_paid_back(at_stripe, stripe_stand_in):
    at_stripe.pay("pm_card_visa").say("confirmed", repeat=0)
    at_stripe.ask_refund(2999)
    at_stripe.say("cancelled", reason="buyer")
    assert at_stripe.said() == ["authorized", "captured", "refunded", "refunded"]
    assert [row["amount"] for row in stripe_stand_in.refunds] == [2999, 10000]
    keys = [key for call, _, key in stripe_stand_in.requests if call.startswith("POST")]
    assert len(keys) == len(set(keys))
    assert {operation.idempotency_key for operation in ProviderOperation.objects.all()} <= {
        key.removesuffix(":create").removesuffix(":confirm") for key in keys
    }


@pytest.mark.parametrize(
    ("method", "code", "retryable"),
    [
        ("pm_card_chargeDeclined", "generic_decline", True),
        ("pm_card_stolen", "stolen_card", False),
        ("pm_nobody_knows", "resource_missing", True),
    ],
)
def test_declined(at_stripe, method, code, retryable):
    at_stripe.pay(method)
    name, data = at_stripe.events()[-1]
    assert (name, data["code"], data["retryable"]) == ("failed", code, retryable)
    assert at_stripe.state == "created"


def test_approved_at_the_bank(at_stripe, stripe_stand_in):
    at_stripe.pay("pm_card_threeDSecure2Required")
    assert at_stripe.shown()["next_action"]["url"].startswith("https://hooks.stripe.com/")
    [intent] = stripe_stand_in.intents.values()
    stripe_stand_in.approve(intent)
    answer = webhook(at_stripe, "payment_intent.amount_capturable_updated", intent["id"])
    assert answer.status_code == 200
    assert at_stripe.said() == ["authorized"]
    at_stripe.say("cancelled", reason="buyer")
    assert (at_stripe.said()[-1], intent["status"]) == ("voided", "canceled")


@pytest.mark.parametrize("finds", [True, False])
def test_case_15_no_answer_to_the_confirmation(at_stripe, stripe_stand_in, sweep, finds):
    """The intent's id was kept, so that Stripe's search, which may not know it yet, is not needed."""
    stripe_stand_in.finds = finds
    stripe_stand_in.failures[CONFIRM] = "silence"
    at_stripe.pay("pm_card_visa")
    assert at_stripe.said() == []
    sweep()
    assert at_stripe.said() == ["authorized"]
    assert len(stripe_stand_in.intents) == 1


def test_case_15_a_confirmation_that_never_arrived(at_stripe, stripe_stand_in, sweep):
    stripe_stand_in.failures[CONFIRM] = (500, "api_error")
    at_stripe.pay("pm_card_visa")
    sweep()
    assert (at_stripe.said(), at_stripe.events()[0][1]["code"]) == (["failed"], "provider_unavailable")
    at_stripe.pay("pm_card_visa")
    lost, good = stripe_stand_in.intents.values()
    stripe_stand_in.approve(lost)  # it arrives after all
    sweep(seconds=90)
    assert (lost["status"], good["status"]) == ("canceled", "requires_capture")
    assert Attempt.objects.get(number=1).state == "given_back"


def test_case_15_no_answer_to_the_making_and_the_search_knows_nothing(at_stripe, stripe_stand_in, sweep):
    """An intent that was never confirmed holds no money."""
    stripe_stand_in.finds = False
    stripe_stand_in.failures["POST /v1/payment_intents"] = "silence"
    at_stripe.pay("pm_card_visa")
    sweep()
    assert at_stripe.said() == ["failed"]
    at_stripe.pay("pm_card_visa").say("confirmed", repeat=0)
    assert at_stripe.said() == ["failed", "authorized", "captured"]


@pytest.mark.parametrize("failure", ["silence", (500, "api_error")])
def test_case_15_no_answer_to_the_capture(at_stripe, stripe_stand_in, sweep, failure):
    at_stripe.pay("pm_card_visa")
    stripe_stand_in.failures["POST /v1/payment_intents/{id}/capture"] = failure
    at_stripe.say("confirmed", repeat=0)
    assert at_stripe.said() == ["authorized"]
    for _ in range(2):
        sweep()
    assert at_stripe.said() == ["authorized", "captured"]


def test_case_14_a_capture_that_came_too_late(at_stripe, stripe_stand_in):
    at_stripe.pay("pm_card_visa")
    [intent] = stripe_stand_in.intents.values()
    intent |= {"status": "canceled", "cancellation_reason": "automatic"}
    at_stripe.say("confirmed", repeat=0)
    assert (at_stripe.said()[-1], at_stripe.events()[-1][1]["code"]) == ("capture_failed", "authorization_expired")


def test_case_20_a_dispute(at_stripe, stripe_stand_in):
    at_stripe.pay("pm_card_visa").say("confirmed", repeat=0)
    [intent] = stripe_stand_in.intents.values()
    for status, type_ in (("needs_response", "created"), ("lost", "closed")):
        stripe_stand_in.dispute(intent, status, TOTAL)
        webhook(at_stripe, f"charge.dispute.{type_}", intent["id"], object="dispute", id="dp_1")
    assert at_stripe.said()[2:] == ["disputed", "dispute_closed"]


def test_case_20_two_disputes_of_one_charge(at_stripe, stripe_stand_in):
    """One is decided while the other is open: the payment is contested until both are, and that is the last word."""
    at_stripe.pay("pm_card_visa").say("confirmed", repeat=0)
    [intent] = stripe_stand_in.intents.values()
    stripe_stand_in.dispute(intent, "needs_response", 1000)
    [first] = stripe_stand_in.disputes
    second = first | {"id": "dp_2", "amount": 2000}
    stripe_stand_in.disputes.append(second)
    for number, (one, other, state) in enumerate(
        [("needs_response", "needs_response", "open"), ("lost", "needs_response", "open"), ("lost", "won", "won")]
    ):
        first["status"], second["status"] = one, other
        webhook(at_stripe, f"charge.dispute.updated.{number}", intent["id"], object="dispute", id="dp_1")
        assert at_stripe.payment.dispute_state == state
    assert at_stripe.said()[2:] == ["disputed", "disputed", "dispute_closed", "disputed", "dispute_closed"]
    assert at_stripe.payment.lost_minor == 1000


def test_the_days_report_agrees(at_stripe, stripe_stand_in):
    at_stripe.pay("pm_card_visa").say("confirmed", repeat=0)
    [intent] = stripe_stand_in.intents.values()
    row = {"id": "txn_1", "amount": TOTAL, "currency": "eur", "fee": 207, "reporting_category": "charge", "created": 1}
    stripe_stand_in.transactions = [row | {"source": intent["latest_charge"], "object": "balance_transaction"}]
    outcome = reconcile_day(day=datetime.now(UTC).date(), now=datetime.now(UTC))
    assert (outcome.lines, outcome.open_differences) == (1, 0)


def webhook(purchase, type_: str, intent_id: str, **shown):
    about = {"object": "payment_intent", "id": intent_id, "payment_intent": intent_id, **shown}
    body = json.dumps({"id": f"evt_{type_}", "object": "event", "type": type_, "data": {"object": about}}).encode()
    stamp = int(time.time())
    digest = hmac.new(b"whsec_old", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    path = "/api/v1/webhooks/payments/stripe"
    headers = {"Stripe-Signature": f"t={stamp},v1={digest}"}
    return purchase.api.post(path, body, content_type="application/json", headers=headers)


def test_a_webhook_with_another_secret_is_refused(at_stripe, settings):
    settings.PAYMENTS_WEBHOOK_SECRETS = ["whsec_another"]
    assert webhook(at_stripe, "payment_intent.succeeded", "pi_1").status_code == 401
    assert WebhookEvent.objects.count() == 0


def test_stripe_without_a_key_does_not_start():
    said = started("manage.py", "check", PAYMENTS_PROVIDER="stripe", STRIPE_API_KEY="")
    assert "payments: STRIPE_API_KEY is not set, and PAYMENTS_PROVIDER is stripe" in said
    assert "Traceback" not in said
    assert "must be sandbox or stripe, not 'paypal'" in started("manage.py", "check", PAYMENTS_PROVIDER="paypal")


def test_the_client_is_imported_only_where_it_is_used():
    program = "import django, sys; django.setup(); import payments.urls, payments.tasks; print('stripe' in sys.modules)"
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, cwd=SERVICE, capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.split()[-1] == "False"
