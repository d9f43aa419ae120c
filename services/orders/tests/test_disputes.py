"""Case 20: the buyer's bank contests the charge."""

from __future__ import annotations

from uuid import uuid4

from django.core.management import call_command
from orders.models import Order
from outbox.testing import capture_events

from tests.conftest import said


def told(order: Order, outcome: str | None = None, **changes) -> dict:
    amount = {"amount_minor": order.total_minor, "currency": "EUR"}
    return {"amount": amount, "reason": "fraudulent", "due_by": "2026-12-20T23:59:59Z", "outcome": outcome, **changes}


def test_case_20_a_dispute_blocks_shipping_and_refunds_until_it_is_closed_and_is_shown(
    paid, staff, shopper, say, capsys
):
    event_id = str(uuid4())
    assert say(paid, "payment.disputed", **told(paid), event_id=event_id) is True
    assert say(paid, "payment.disputed", **told(paid), event_id=event_id) is False
    assert staff.ship(paid, {1: 1}).json()["code"] == "not_shippable"
    assert staff.refund(paid, amount={"amount_minor": 1, "currency": "EUR"}).json()["code"] == "disputed"
    shown = shopper.call("get", f"orders/{paid.id}").json()
    assert (shown["hold_reasons"], shown["dispute"]["outcome"], shown["state"]) == (["dispute"], None, "paid")
    call_command("explain_order", paid.number)
    explained = capsys.readouterr().out
    assert "It is held from shipping: dispute." in explained
    assert "disputed (fraudulent): open, evidence counts until 2026-12-20T23:59:59Z" in explained
    say(paid, "payment.dispute_closed", **told(paid, "won"))
    shown = shopper.call("get", f"orders/{paid.id}").json()
    assert (shown["hold_reasons"], shown["dispute"]["outcome"]) == ([], "won")
    assert staff.ship(paid, {1: 1}).status_code == 201
    say(paid, "payment.disputed", **told(paid))  # the old news, late and under another id
    assert Order.objects.get(pk=paid.pk).hold_reasons == []


def test_case_20_a_second_dispute_holds_again_and_other_holds_stay(paid, staff, say):
    staff.call("post", f"staff/orders/{paid.id}/holds/review", If_Match="*")
    say(paid, "payment.disputed", **told(paid))
    say(paid, "payment.dispute_closed", **told(paid, "won"))
    assert Order.objects.get(pk=paid.pk).hold_reasons == ["review"]
    say(paid, "payment.disputed", **told(paid, due_by="2027-02-01T00:00:00Z"))
    assert Order.objects.get(pk=paid.pk).hold_reasons == ["dispute", "review"]


def test_case_20_of_two_disputes_the_one_that_is_still_open_holds(paid, say):
    other = {"due_by": "2027-02-01T00:00:00Z"}
    say(paid, "payment.disputed", **told(paid))
    say(paid, "payment.disputed", **told(paid, **other))
    say(paid, "payment.dispute_closed", **told(paid, "won"))
    say(paid, "payment.disputed", **told(paid, **other))  # so payments ends what it tells
    assert Order.objects.get(pk=paid.pk).hold_reasons == ["dispute"]
    say(paid, "payment.dispute_closed", **told(paid, "won", **other))
    assert Order.objects.get(pk=paid.pk).hold_reasons == []


def test_case_20_nobody_lifts_the_hold_of_a_dispute_by_hand(paid, staff, say):
    say(paid, "payment.disputed", **told(paid))
    for method in ("post", "delete"):
        answer = staff.call(method, f"staff/orders/{paid.id}/holds/dispute", If_Match="*")
        assert (answer.status_code, answer.json()["code"]) == (409, "held_by_dispute")
    assert Order.objects.get(pk=paid.pk).hold_reasons == ["dispute"]


def test_case_20_what_a_lost_dispute_took_is_not_refunded_again(paid, staff, say):
    taken = {"amount_minor": paid.total_minor - 300, "currency": "EUR"}
    say(paid, "payment.disputed", **told(paid, amount=taken))
    say(paid, "payment.dispute_closed", **told(paid, "lost", amount=taken))
    refused = staff.refund(paid, amount={"amount_minor": 301, "currency": "EUR"})
    assert (refused.status_code, refused.json()["code"]) == (409, "refund_too_much")
    assert staff.refund(paid, amount={"amount_minor": 300, "currency": "EUR"}).status_code == 201


def test_a_dispute_of_another_payment_is_not_ours_and_none_says_anything(paid, say):
    with capture_events() as events:
        say(paid, "payment.disputed", **told(paid), payment_id=str(uuid4()))
        say(paid, "payment.disputed", **told(paid))
    assert said(events) == []
    assert Order.objects.get(pk=paid.pk).dispute["reason"] == "fraudulent"
