"""Case 18: goods come back."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from orders.models import Order, Quote, Refund, Return, Violation
from orders.tasks import audit_invariants
from outbox.testing import capture_events

from tests.conftest import Shopper, said


@pytest.fixture(autouse=True)
def books(db):
    yield
    assert audit_invariants() == 0, list(Violation.objects.values())


@pytest.fixture
def order(shopper, pay, staff) -> Order:
    """Line 1: two bags of coffee, line 2: three T-shirts; delivered."""
    order = pay(shopper.buy("COFFEE-1KG", 2, tees=3))
    staff.ship(order, {1: 2, 2: 3})
    staff.deliver(order)
    return order


def ask(shopper: Shopper, order: Order, units: dict[int, int], key: str | None = None, **body):
    lines = [{"line_id": line_id, "quantity": quantity} for line_id, quantity in units.items()]
    wanted = {"lines": lines, "reason": "too small", **body}
    return shopper.call("post", f"orders/{order.id}/returns", wanted, Idempotency_Key=key or uuid4().hex)


def return_id(answer) -> str:
    assert answer.status_code == 201, answer.json()
    return answer.json()["returns"][-1]["id"]


def test_case_18_goods_come_back_what_is_fit_is_for_sale_again_and_the_money_follows(order, shopper, staff, say):
    with capture_events() as events:
        asked = ask(shopper, order, {2: 2})
    assert said(events) == ["return_requested"]
    assert events[0].data["lines"] == [{"line_id": 2, "sku": "TEE-M", "quantity": 2}]
    back = return_id(asked)
    assert [row["id"] for row in staff.call("get", "staff/orders?return_requested=true").json()["data"]] == [
        str(order.id)
    ]
    with capture_events() as events:
        assert staff.decide(back, "approve").json()["returns"][0]["state"] == "approved"
        received = staff.receive(back, {2: (2, 1)})
    assert said(events) == ["return_approved", "return_received", "refund_requested"]
    assert events[1].data["lines"] == [
        {"line_id": 2, "sku": "TEE-M", "quantity": 2, "restock_quantity": 1, "warehouse": "NL-AMS"}
    ]
    refund = events[2].data
    assert (refund["reason"], refund["lines"][0]["quantity"]) == ("return", 2)
    assert received.json()["returns"][0]["state"] == "received"
    say(order, "payment.refunded", refund_id=refund["refund_id"], amount=refund["amount"])
    shown = shopper.call("get", f"orders/{order.id}").json()
    assert (shown["state"], shown["returns"][0]["state"], shown["refunds"][0]["state"]) == (
        "delivered",
        "refunded",
        "succeeded",
    )
    assert (shown["lines"][1]["returning"], shown["lines"][1]["refunded"]) == (2, 2)
    rows = staff.call("get", "staff/returns?state=refunded").json()["data"]
    assert [(row["id"], row["order_number"]) for row in rows] == [(back, order.number)]


@pytest.mark.parametrize(
    ("terms", "parts"),
    [
        ({"window_days": 14, "refunds": ["goods", "tax"]}, {"goods", "tax"}),
        ({"window_days": 14, "refunds": ["goods", "freight", "duty", "tax"]}, {"goods", "freight", "duty", "tax"}),
        (None, {"goods", "tax"}),
    ],
)
def test_case_18_import_duty_and_freight_come_back_only_when_the_quote_promised_it(shopper, staff, pay, terms, parts):
    place = {"country": "US", "region": "NY", "postal_code": "10001"}
    cart = shopper.open_cart()
    shopper.put(cart, "TEE-M", 1)
    quote = shopper.quote(cart, ship_to=place, currency="USD").json()["data"][0]
    home = {"name": "Ann", "line1": "1 Main St", "city": "New York", **place}
    order = pay(Order.objects.get(pk=shopper.check_out(quote, shipping_address=home).json()["id"]))
    Quote.objects.filter(order=order).update(return_terms=terms)
    staff.ship(order, {1: 1})
    back = return_id(ask(shopper, order, {1: 1}))
    staff.decide(back, "approve")
    share = staff.receive(back, {1: (1, 0)}).json()["refunds"][0]["lines"][0]
    line = shopper.call("get", f"orders/{order.id}").json()["lines"][0]
    charged = {part for part in ("goods", "freight", "duty", "tax") if line[part]["amount_minor"]}
    assert {"goods", "freight", "duty"} <= charged
    assert {part for part in charged if share[part]["amount_minor"]} == charged & parts


def test_case_18_what_the_market_is_promised_is_in_the_quote_with_its_rule_and_on_the_order(shopper):
    cart = shopper.open_cart()
    shopper.put(cart, "TEE-M", 1)
    terms = shopper.quote(cart).json()["data"][0]["return_terms"]
    assert (terms["window_days"], terms["refunds"]) == (14, ["goods", "freight", "duty", "tax"])
    assert terms["source"].startswith("Directive 2011/83/EU")
    abroad = shopper.quote(cart, ship_to={"country": "US", "postal_code": "10001"}, currency="USD")
    assert abroad.json()["data"][0]["return_terms"]["refunds"] == ["goods", "tax"]
    order = shopper.buy()
    assert shopper.call("get", f"orders/{order.id}").json()["return_terms"]["window_days"] == 14


def test_case_18_a_return_of_everything_gives_back_exactly_what_was_charged(order, shopper, staff):
    for units in ({1: 1, 2: 2}, {1: 1}, {2: 1}):
        back = return_id(ask(shopper, order, units))
        staff.decide(back, "approve")
        assert staff.receive(back, {line_id: (units[line_id], 0) for line_id in units}).status_code == 200
    assert sum(Refund.objects.values_list("amount_minor", flat=True)) == order.total_minor
    assert Order.objects.get(pk=order.pk).refunded_minor == order.total_minor


def test_a_rejected_return_frees_its_units_and_moves_nothing(order, shopper, staff):
    back = return_id(ask(shopper, order, {2: 3}))
    assert ask(shopper, order, {2: 1}).json()["code"] == "return_too_much"
    with capture_events() as events:
        rejected = staff.decide(back, "reject", comment="it was worn")
    assert said(events) == ["return_rejected"]
    assert (rejected.json()["returns"][0]["state"], rejected.json()["returns"][0]["comment"]) == (
        "rejected",
        "it was worn",
    )
    for what in ("approve", "reject"):
        refused = staff.decide(back, what)
        assert (refused.status_code, refused.json()["code"]) == (409, "return_decided")
    assert staff.receive(back, {2: (1, 1)}).json()["code"] == "return_decided"
    assert ask(shopper, order, {2: 3}).status_code == 201
    assert not Refund.objects.exists()


def test_what_was_announced_and_did_not_come_may_be_asked_for_again(order, shopper, staff):
    back = return_id(ask(shopper, order, {1: 1, 2: 3}))
    staff.decide(back, "approve")
    received = staff.receive(back, {2: (1, 1)}).json()
    assert [line["returning"] for line in received["lines"]] == [0, 1]
    assert [line["quantity"] for line in received["refunds"][0]["lines"]] == [1]
    assert ask(shopper, order, {1: 2, 2: 2}).status_code == 201


def test_a_return_of_what_was_refunded_before_is_received_and_finished_without_more_money(order, shopper, staff):
    staff.refund(order, lines=[{"line_id": 1, "quantity": 2}])
    back = return_id(ask(shopper, order, {1: 2}))
    staff.decide(back, "approve")
    with capture_events() as events:
        received = staff.receive(back, {1: (2, 2)}).json()
    assert (said(events), received["returns"][0]["state"]) == (["return_received"], "refunded")
    assert Refund.objects.count() == 1


def test_who_got_a_part_without_the_goods_back_is_still_paid_for_the_goods_they_send_back(order, shopper, staff):
    refused = staff.refund(order, lines=[{"line_id": 1, "quantity": 2}], parts=["freight"])
    assert refused.status_code == 400
    assert "Give an amount" in str(refused.json())
    assert staff.refund(order, amount={"amount_minor": 100, "currency": "EUR"}).status_code == 201
    back = return_id(ask(shopper, order, {1: 2}))
    staff.decide(back, "approve")
    share = staff.receive(back, {1: (2, 2)}).json()["refunds"][-1]["lines"][0]
    assert share["goods"]["amount_minor"] > 0


@pytest.mark.parametrize(
    ("received", "code"),
    [({2: (4, 0)}, "too_many"), ({2: (1, 2)}, "too_many"), ({1: (1, 0)}, "unknown_line")],
)
def test_what_cannot_have_arrived_is_refused(order, shopper, staff, received, code):
    back = return_id(ask(shopper, order, {2: 3}))
    staff.decide(back, "approve")
    assert staff.receive(back, received).json()["code"] == code
    assert Return.objects.get().state == "approved"
    assert not Refund.objects.exists()


def test_only_what_shipped_can_come_back_and_only_in_time(shopper, pay, staff):
    order = pay(shopper.buy("COFFEE-1KG", 2))
    assert ask(shopper, order, {1: 1}).json()["code"] == "not_returnable"
    staff.ship(order, {1: 1})
    assert ask(shopper, order, {1: 2}).json()["code"] == "return_too_much"
    assert ask(shopper, order, {7: 1}).json()["code"] == "unknown_line"
    assert (
        shopper.call("post", f"orders/{order.id}/returns", {"lines": [{"line_id": 1, "quantity": 1}]}).json()["code"]
        == "idempotency_key_required"
    )
    order.shipments.update(shipped_at=timezone.now() - timedelta(days=60))
    assert ask(shopper, order, {1: 1}).status_code == 201, "it is still under way"
    staff.ship(order, {1: 1})
    order.shipments.update(delivered_at=timezone.now() - timedelta(days=15))
    refused = ask(shopper, order, {1: 1})
    assert (refused.status_code, refused.json()["code"]) == (409, "return_window_closed")


def test_nobody_returns_someone_elses_order_and_a_repeat_under_its_key_is_one_return(order, shopper):
    assert ask(Shopper(shopper.api, uuid4()), order, {1: 1}).status_code == 404
    first, again = ask(shopper, order, {1: 1}, key="k"), ask(shopper, order, {1: 1}, key="k")
    assert (first.status_code, again["Idempotent-Replayed"], Return.objects.count()) == (201, "true", 1)


def test_a_guest_sends_goods_back_with_the_orders_token(guest, pay, staff):
    order = pay(guest.buy())
    staff.ship(order, {1: 2})
    assert ask(guest, order, {1: 1}).status_code == 201
