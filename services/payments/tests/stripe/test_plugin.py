"""The plug-in alone: what it asks of Stripe, and how it reads the answers."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from payments.providers.base import BadSignature, Order, Refused, Unanswered
from payments.providers.stripe import StripeProvider
from payments.providers.stripe_money import from_stripe, to_stripe

from tests.stripe.stand_in import PARAMS, SHAPES

CREATE, CONFIRM = "POST /v1/payment_intents", "POST /v1/payment_intents/{id}/confirm"


def order(method: str = "pm_card_visa", **changes) -> Order:
    fields = {"reference": str(uuid4()), "amount_minor": 12999, "currency": "EUR", "payment_method": method}
    return Order(**{**fields, "return_url": "https://shop.example/paid", "description": "CB-7H2KQ0T9XW", **changes})


def pay(provider, method: str = "pm_card_visa", **changes):
    return provider.authorize(order(method, **changes), key="authorize:1:1", keep=lambda object_id: None)


def test_every_call_is_one_that_stripes_description_allows(description):
    provider = StripeProvider("sk_test_123", api=description)
    kept: list[str] = []
    try:
        provider.authorize(order(), key=uuid4().hex, keep=kept.append)
        assert kept
        for call in (
            lambda: provider.capture(kept[0], key=uuid4().hex),
            lambda: provider.refund(kept[0], refund_id="r:1", amount_minor=100, key=uuid4().hex),
            lambda: provider.read(kept[0]),
            lambda: provider.find(str(uuid4())),
            lambda: list(provider.settlement(date(2026, 11, 27))),
            lambda: list(provider._api.disputes.list({"payment_intent": kept[0], "limit": 100}).data),
            lambda: provider.authorize(order(), key=uuid4().hex, keep=lambda _: None),
            lambda: provider.cancel(kept[0], key=uuid4().hex),
        ):
            call()
    except Refused as refusal:  # the stand-in remembers that what was captured cannot be cancelled
        assert refusal.code == "payment_intent_unexpected_state"


def test_the_description_refuses_what_is_not_in_it(description):
    provider = StripeProvider("sk_test_123", api=description)
    with pytest.raises(Exception, match=r"(?i)amount|unknown|invalid"):
        provider._api.payment_intents.create({"amuont": 5, "currency": "eur"})


def test_it_authorises_first_and_captures_later(provider_at_stripe, stripe_stand_in):
    kept: list[str] = []
    asked = order()
    seen = provider_at_stripe.authorize(asked, key="authorize:1:1", keep=kept.append)
    assert (seen.status, seen.amount_minor, seen.currency, seen.object_id) == ("authorized", 12999, "EUR", kept[0])
    (call, params, key), (second, confirmation, other), *_ = stripe_stand_in.requests
    assert (call, key, second, other) == (CREATE, "authorize:1:1:create", CONFIRM, "authorize:1:1:confirm")
    assert (params["capture_method"], params["metadata[reference]"]) == ("manual", asked.reference)
    assert confirmation == {"payment_method": "pm_card_visa", "return_url": "https://shop.example/paid"}
    assert provider_at_stripe.capture(seen.object_id, key="capture:1:1").status == "captured"
    assert provider_at_stripe.find(asked.reference).status == "captured"
    assert provider_at_stripe.read("pi_nobody_knows") is None


def test_the_shopper_is_sent_to_the_bank(provider_at_stripe, stripe_stand_in):
    seen = pay(provider_at_stripe, "pm_card_threeDSecure2Required")
    assert (seen.status, seen.redirect_url[:24]) == ("requires_action", "https://hooks.stripe.com")
    stripe_stand_in.approve(stripe_stand_in.intents[seen.object_id])
    assert provider_at_stripe.read(seen.object_id).status == "authorized"
    assert provider_at_stripe.cancel(seen.object_id, key="void:1:1").status == "cancelled"


@pytest.mark.parametrize(
    ("method", "code"), [("pm_card_chargeDeclined", "generic_decline"), ("pm_card_stolen", "stolen_card")]
)
def test_a_declined_card_is_refused_with_the_banks_code_and_reads_as_declined(provider_at_stripe, method, code):
    kept: list[str] = []
    with pytest.raises(Refused) as refused:
        provider_at_stripe.authorize(order(method), key="k", keep=kept.append)
    assert refused.value.code == code
    seen = provider_at_stripe.read(kept[0])
    assert (seen.status, seen.code) == ("declined", code)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ((429, "invalid_request_error", "rate_limit"), Unanswered),
        ((500, "api_error"), Unanswered),
        ((503, "api_error"), Unanswered),
        ((409, "invalid_request_error", "idempotency_key_in_use"), Unanswered),
        ((401, "invalid_request_error"), Unanswered),
        ((403, "invalid_request_error"), Unanswered),
        ("silence", Unanswered),
        ((400, "idempotency_error"), Refused),
        ((400, "invalid_request_error", "amount_too_small"), Refused),
        ((402, "card_error", "card_declined"), Refused),
    ],
)
def test_errors_are_silence_or_refusals(provider_at_stripe, stripe_stand_in, failure, kind):
    stripe_stand_in.failures[CREATE] = failure
    with pytest.raises(kind) as raised:
        pay(provider_at_stripe)
    if kind is Refused:
        assert raised.value.code in {"idempotency_key_reused", "amount_too_small", "card_declined"}
    assert [call for call, *_ in stripe_stand_in.requests] == [CREATE]  # nothing is tried again by itself


def test_nobody_is_there(stripe_stand_in):
    with pytest.raises(Unanswered, match="APIConnectionError"):
        pay(StripeProvider("sk_test_123", api="http://127.0.0.1:1"))


def test_a_confirmation_without_an_answer_can_be_read(provider_at_stripe, stripe_stand_in):
    kept: list[str] = []
    stripe_stand_in.failures[CONFIRM] = "silence"
    with pytest.raises(Unanswered):
        provider_at_stripe.authorize(order(), key="k", keep=kept.append)
    assert provider_at_stripe.read(kept[0]).status == "authorized"


def test_a_confirmation_that_never_arrived_is_not_a_decline(provider_at_stripe, stripe_stand_in):
    kept: list[str] = []
    stripe_stand_in.failures[CONFIRM] = (500, "api_error")
    with pytest.raises(Unanswered):
        provider_at_stripe.authorize(order(), key="k", keep=kept.append)
    assert provider_at_stripe.read(kept[0]).status == "unconfirmed"


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("succeeded", "succeeded"),
        ("pending", "pending"),
        ("requires_action", "pending"),
        ("failed", "failed"),
        ("canceled", "failed"),
    ],
)
def test_refunds_carry_our_reference(provider_at_stripe, stripe_stand_in, status, ours):
    seen = provider_at_stripe.capture(pay(provider_at_stripe).object_id, key="c")
    after = provider_at_stripe.refund(seen.object_id, refund_id="r:1", amount_minor=2999, key="refund:r:1")
    assert after.refunds == {"r:1": "succeeded"}
    stripe_stand_in.refunds[0]["status"] = status
    assert provider_at_stripe.read(seen.object_id).refunds == {"r:1": ours}


@pytest.mark.parametrize(
    ("status", "ours"),
    [("needs_response", "open"), ("under_review", "open"), ("won", "won"), ("lost", "lost"), ("warning_closed", None)],
)
def test_disputes_are_read_from_the_charge(provider_at_stripe, stripe_stand_in, status, ours):
    seen = provider_at_stripe.capture(pay(provider_at_stripe).object_id, key="c")
    stripe_stand_in.dispute(stripe_stand_in.intents[seen.object_id], status, 5000)
    found = provider_at_stripe.read(seen.object_id).disputes
    if ours is None:
        assert found == ()
        return
    [dispute] = found
    assert (dispute.id, dispute.amount_minor, dispute.reason, dispute.state) == ("dp_1", 5000, "general", ours)
    assert dispute.due_by == datetime.fromtimestamp(SHAPES["dispute"]["evidence_details"]["due_by"], UTC)


@pytest.mark.parametrize(("reason", "code"), [("automatic", "authorization_expired"), ("abandoned", "")])
def test_what_ran_out_at_stripe_says_so(provider_at_stripe, stripe_stand_in, reason, code):
    seen = pay(provider_at_stripe)
    stripe_stand_in.intents[seen.object_id] |= {"status": "canceled", "cancellation_reason": reason}
    after = provider_at_stripe.read(seen.object_id)
    assert (after.status, after.code) == ("cancelled", code)


def test_what_was_captured_in_part_at_stripe_is_read_as_what_was_taken(provider_at_stripe, stripe_stand_in):
    seen = provider_at_stripe.capture(pay(provider_at_stripe).object_id, key="c")
    assert seen.amount_minor == 12999
    stripe_stand_in.intents[seen.object_id]["amount_received"] = 5000
    assert provider_at_stripe.read(seen.object_id).amount_minor == 5000


@pytest.mark.parametrize(
    ("currency", "ours", "theirs"),
    [
        ("EUR", 12999, 12999),
        ("JPY", 12999, 12999),
        ("KRW", 5, 5),
        ("KWD", 12340, 12340),
        ("ISK", 500, 50000),
        ("UGX", 7, 700),
        ("HUF", 100, 100),
    ],
)
def test_amounts_are_written_as_stripe_wants_them(currency, ours, theirs):
    assert to_stripe(ours, currency) == theirs
    assert from_stripe(theirs, currency) == ours


def test_a_part_of_a_fils_is_refused(provider_at_stripe, stripe_stand_in):
    with pytest.raises(Refused) as refused:
        pay(provider_at_stripe, amount_minor=12341, currency="KWD")
    assert refused.value.code == "unsupported_amount"
    assert stripe_stand_in.requests == []


def test_yen_and_dinars_come_back_as_they_went(provider_at_stripe):
    for currency, amount in (("JPY", 12999), ("KWD", 12340), ("ISK", 500)):
        provider_at_stripe_key = f"k-{currency}"
        seen = provider_at_stripe.authorize(
            order(amount_minor=amount, currency=currency), key=provider_at_stripe_key, keep=lambda _: None
        )
        assert (seen.amount_minor, seen.currency) == (amount, currency)


def signed(event: dict, secret: str, *, age: int = 0) -> tuple[bytes, dict[str, str]]:
    body, stamp = json.dumps(event).encode(), int(time.time()) - age
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return body, {"Stripe-Signature": f"t={stamp},v1={digest}"}


def event(type_: str = "payment_intent.succeeded", **shown) -> dict:
    shown = shown or {"id": "pi_1", "object": "payment_intent", "receipt_email": "ada@example.com"}
    return {"id": "evt_1", "object": "event", "type": type_, "created": 1, "data": {"object": shown}}


@pytest.mark.parametrize(
    ("told", "type_", "object_id"),
    [
        (event(), "intent.captured", "pi_1"),
        (event("payment_intent.amount_capturable_updated"), "intent.authorized", "pi_1"),
        (event("payment_intent.payment_failed"), "payment_intent.payment_failed", "pi_1"),
        (event("charge.dispute.created", id="dp_1", object="dispute", payment_intent="pi_2"), None, "pi_2"),
        (event("refund.updated", id="re_1", object="refund", payment_intent="pi_3"), None, "pi_3"),
        (event("payout.paid", id="po_1", object="payout"), None, ""),
    ],
)
def test_a_webhook_names_the_intent_and_nothing_of_the_buyer_is_kept(provider_at_stripe, told, type_, object_id):
    hint = provider_at_stripe.verify(*signed(told, "whsec_old"), ["whsec_new", "whsec_old"])
    assert (hint.event_id, hint.type, hint.object_id) == ("evt_1", type_ or told["type"], object_id)
    assert "ada" not in json.dumps(hint.payload)


def test_a_webhook_of_somebody_else_or_of_long_ago_is_refused(provider_at_stripe):
    for body, headers in (signed(event(), "whsec_other"), signed(event(), "whsec_new", age=301), (b"{}", {})):
        with pytest.raises(BadSignature):
            provider_at_stripe.verify(body, headers, ["whsec_new", "whsec_old"])
    body, headers = signed({"id": "evt_1", "object": "event"}, "whsec_new")
    with pytest.raises(BadSignature, match="not an event"):
        provider_at_stripe.verify(body, headers, ["whsec_new"])


def transaction(number: int, category: str, amount: int, source: dict | None, **fields) -> dict:
    row = SHAPES["balance_transaction"] | {"id": f"txn_{number}", "amount": amount, "reporting_category": category}
    return row | {"currency": "usd", "source": source} | fields


def test_the_days_transactions_are_lines_of_a_report(provider_at_stripe, stripe_stand_in):
    charge = SHAPES["payment_intent"]["latest_charge"]
    euros = charge | {"amount_captured": 12999, "currency": "eur", "payment_intent": "pi_1"}
    refund = SHAPES["refund"] | {"amount": 999, "currency": "eur", "payment_intent": "pi_1"}
    dispute = SHAPES["dispute"] | {"amount": 500, "currency": "eur", "payment_intent": "pi_1"}
    stripe_stand_in.transactions = [
        transaction(1, "charge", 14300, euros, fee=430),
        transaction(2, "refund", -1100, refund | {"metadata": {"reference": "r:1"}}),
        transaction(3, "dispute", -550, dispute, fee=1500),
        transaction(4, "dispute_reversal", 550, dispute),
        transaction(5, "fee", -200, None),
        transaction(6, "payout", -9999, None),
        transaction(7, "other_adjustment", -5, None),
    ]
    lines = list(provider_at_stripe.settlement(date(2026, 11, 27)))
    told = [(line.kind, line.object_id, line.reference, line.amount_minor, line.currency) for line in lines]
    assert told == [
        ("charge", "pi_1", "", 12999, "EUR"),
        ("refund", "pi_1", "r:1", -999, "EUR"),
        ("dispute", "pi_1", "dp_1", -500, "EUR"),
        ("dispute_won", "pi_1", "dp_1", 500, "EUR"),
        ("fee", "", "", 0, "USD"),
        ("other_adjustment", "", "", -5, "USD"),
    ]
    assert [(line.fee_minor, line.fee_currency) for line in lines][:5:4] == [(430, "USD"), (200, "USD")]
    first = stripe_stand_in.requests[0][1]
    assert int(first["created[lt]"]) - int(first["created[gte]"]) == 86400
    assert len(PARAMS) == 10
