"""Cases 13, 17 and 19: what will not ship is refunded, staff refund, payments answers, and it is shown."""

from __future__ import annotations

from uuid import uuid4

import pytest
from auth_jwt.testing import bearer
from orders.models import Order, Refund, Violation
from orders.tasks import audit_invariants
from outbox.testing import capture_events

from tests.conftest import said, state_of


@pytest.fixture(autouse=True)
def books(db):
    """After every test the books are right."""
    yield
    assert audit_invariants() == 0, list(Violation.objects.values())


@pytest.fixture
def order(shopper, pay) -> Order:
    """Line 1: two bags of coffee, line 2: three T-shirts; paid."""
    return pay(shopper.buy("COFFEE-1KG", 2, tees=3))


def amount_of(line: dict, *parts: str) -> int:
    return sum(line[part]["amount_minor"] for part in parts or ("goods", "freight", "duty", "tax"))


def answer(say, order: Order, refund: Refund, name: str = "refunded", **data) -> None:
    amount = {"amount_minor": refund.amount_minor, "currency": refund.currency}
    say(order, f"payment.{name}", **{"refund_id": str(refund.refund_id), "amount": amount, **data})


def test_case_17_the_unshipped_rest_is_cancelled_and_those_lines_are_refunded_with_all_their_parts(
    order, staff, shopper
):
    before = shopper.call("get", f"orders/{order.id}").json()["lines"]
    assert staff.ship(order, {1: 2, 2: 1}).json()["state"] == "partially_shipped"
    with capture_events() as events:
        cancelled = staff.cancel_rest(order, reason="sold out")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "shipped"), cancelled.json()
    assert said(events) == ["lines_cancelled", "refund_requested"]
    lines, refund = events[0].data["lines"], events[1].data
    assert [(line["line_id"], line["quantity"]) for line in lines] == [(2, 2)]
    assert (refund["reason"], refund["repeat"], refund["payment_id"]) == ("lines_cancelled", 0, str(order.payment_id))
    share = refund["lines"][0]
    assert (share["line_id"], share["quantity"]) == (2, 2)
    assert refund["amount"]["amount_minor"] == amount_of(share)
    assert abs(amount_of(before[1]) * 2 - amount_of(share) * 3) <= 12  # two thirds, each part to the minor unit
    shown = shopper.call("get", f"orders/{order.id}").json()
    assert [(line["shipped"], line["cancelled"], line["refunded"]) for line in shown["lines"]] == [(2, 0, 0), (1, 2, 2)]
    assert [(each["state"], each["amount"]) for each in shown["refunds"]] == [("requested", shown["refunded"])]
    staff.deliver(order)
    assert state_of(order) == "delivered"
    assert staff.cancel_rest(order).json()["code"] == "not_cancellable"


def test_case_17_what_had_arrived_before_makes_the_order_delivered_at_once(order, staff):
    staff.ship(order, {1: 2})
    staff.deliver(order)
    assert state_of(order) == "partially_shipped"
    assert staff.cancel_rest(order).json()["state"] == "delivered"


def test_case_17_a_part_of_the_rest_can_be_given_up_and_the_last_unit_takes_the_remainder(order, staff):
    whole = amount_of(staff.call("get", f"staff/orders/{order.id}").json()["lines"][1])
    staff.ship(order, {1: 2})
    for state in ("partially_shipped", "partially_shipped", "shipped"):
        answered = staff.cancel_rest(order, lines=[{"line_id": 2, "quantity": 1}])
        assert answered.json()["state"] == state, answered.json()
    assert sum(Refund.objects.values_list("amount_minor", flat=True)) == whole
    assert staff.ship(order, {2: 1}).status_code == 400


@pytest.mark.parametrize(
    ("lines", "code"),
    [([{"line_id": 2, "quantity": 4}], "too_many"), ([{"line_id": 9, "quantity": 1}], "unknown_line")],
)
def test_what_cannot_be_given_up_is_refused_and_changes_nothing(order, staff, lines, code):
    staff.ship(order, {1: 1})
    assert staff.cancel_rest(order, lines=lines).json()["code"] == code
    assert not Refund.objects.exists()
    assert state_of(order) == "partially_shipped"


def test_case_17_an_order_of_which_nothing_shipped_is_cancelled_whole_instead(order, staff):
    refused = staff.cancel_rest(order)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_cancellable")
    assert "Cancel it whole" in refused.json()["detail"]


@pytest.mark.parametrize("gone", [2, 3])
def test_case_13_goods_lost_of_a_partly_shipped_order_are_cancelled_and_refunded(order, staff, say, statements, gone):
    staff.ship(order, {1: 2})
    lost = [{"line_id": 2, "sku": "TEE-M", "quantity": gone, "warehouse": "NL-AMS"}]
    event_id = str(uuid4())
    with capture_events() as events, statements() as run:
        say(order, "stock.commit_failed", reason="written_off", lines=lost, event_id=event_id)
    assert said(events) == ["lines_cancelled", "refund_requested"]
    assert events[0].data["lines"][0]["quantity"] == gone
    assert len(run) - 2 <= 8, run  # less what capture_events reads itself
    assert state_of(order) == ("shipped" if gone == 3 else "partially_shipped")
    with capture_events() as events:
        assert say(order, "stock.commit_failed", reason="written_off", lines=lost, event_id=event_id) is False
    assert said(events) == []


def test_case_13_of_goods_lost_while_some_of_them_left_only_what_has_not_shipped_is_cancelled(order, staff, say):
    staff.ship(order, {1: 2, 2: 1})
    lost = [{"line_id": 2, "sku": "TEE-M", "quantity": 3, "warehouse": "NL-AMS"}]
    with capture_events() as events:
        say(order, "stock.commit_failed", reason="written_off", lines=lost)
    assert [line["quantity"] for line in events[0].data["lines"]] == [2]
    assert state_of(order) == "shipped"


def test_case_13_goods_lost_that_have_shipped_already_change_nothing(order, staff, say):
    staff.ship(order, {1: 2, 2: 3})
    with capture_events() as events:
        say(order, "stock.commit_failed", reason="written_off")
    assert (said(events), state_of(order)) == ([], "shipped")


def test_case_19_a_refund_that_failed_is_shown_found_and_may_still_succeed(order, staff, shopper, say):
    assert staff.refund(order, amount={"amount_minor": 250, "currency": "EUR"}).status_code == 201
    refund = Refund.objects.get()
    answer(say, order, refund, "refund_failed")
    shown = shopper.call("get", f"orders/{order.id}").json()
    assert [each["state"] for each in shown["refunds"]] == ["failed"]
    assert [row["id"] for row in staff.call("get", "staff/orders?refund_failed=true").json()["data"]] == [str(order.id)]
    answer(say, order, refund, "refund_failed")
    answer(say, order, refund)
    answer(say, order, refund)
    answer(say, order, refund, "refund_failed")  # an old failure that comes late
    shown = shopper.call("get", f"orders/{order.id}").json()
    assert [each["state"] for each in shown["refunds"]] == ["succeeded"]
    assert staff.call("get", "staff/orders?refund_failed=true").json()["data"] == []
    kinds = [entry["kind"] for entry in shopper.call("get", f"orders/{order.id}/timeline").json()["data"]]
    assert kinds[-3:] == ["refund requested", "refund failed", "refund succeeded"]


def test_case_19_money_that_payments_gave_back_by_itself_has_one_row_though_it_failed_first(order, say):
    amount = {"amount_minor": 500, "currency": "EUR"}
    for name in ("refund_failed", "refunded"):
        say(order, f"payment.{name}", refund_id=None, amount=amount)
    assert list(Refund.objects.values_list("refund_id", "state")) == [(None, "succeeded")]
    assert Order.objects.get(pk=order.pk).refunded_minor == 0  # nobody here asked for it


def test_staff_refund_lines_or_an_amount_and_never_more_than_was_charged(order, staff):
    staff.ship(order, {1: 2, 2: 3})
    one = staff.refund(order, lines=[{"line_id": 1, "quantity": 1}], parts=["goods"], reason="damaged")
    assert one.status_code == 201, one.json()
    line = one.json()["refunds"][0]["lines"][0]
    assert (line["goods"]["amount_minor"] > 0, line["freight"]["amount_minor"]) == (True, 0)
    left = order.total_minor - one.json()["refunded"]["amount_minor"]
    too_much = staff.refund(order, amount={"amount_minor": left + 1, "currency": "EUR"})
    assert (too_much.status_code, too_much.json()["code"]) == (409, "refund_too_much")
    assert str(left) in too_much.json()["detail"]
    again = staff.refund(order, lines=[{"line_id": 1, "quantity": 2}])
    assert (again.status_code, again.json()["code"]) == (409, "refund_too_much")
    rest = staff.refund(order, amount={"amount_minor": left, "currency": "EUR"})
    assert rest.json()["refunded"] == rest.json()["total"]
    assert staff.refund(order, lines=[{"line_id": 1, "quantity": 1}]).json()["code"] == "refund_too_much"


def test_units_that_may_still_ship_are_not_refunded_but_cancelled(order, staff):
    staff.ship(order, {1: 1})
    refused = staff.refund(order, lines=[{"line_id": 2, "quantity": 1}])
    assert (refused.status_code, refused.json()["code"]) == (409, "refund_too_much")
    assert not Refund.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lines": [{"line_id": 1, "quantity": 1}], "amount": {"amount_minor": 1, "currency": "EUR"}},
        {"amount": {"amount_minor": 0, "currency": "EUR"}},
        {"amount": {"amount_minor": -5, "currency": "EUR"}},
        {"amount": {"amount_minor": 5, "currency": "EUR"}, "parts": ["goods"]},
        {"lines": [{"line_id": 1, "quantity": 1}], "parts": ["insurance"]},
        {"lines": [{"line_id": 1, "quantity": 1}], "parts": ["freight", "tax"]},
        {"lines": [{"line_id": 1, "quantity": 1}, {"line_id": 1, "quantity": 1}]},
        {"lines": [{"line_id": 1, "quantity": 1}], "reason": "because"},
    ],
)
def test_bad_refunds_are_refused(order, staff, body):
    assert staff.refund(order, **body).status_code == 400
    assert not Refund.objects.exists()


def test_a_refund_needs_finance_a_fresh_login_a_key_and_captured_money(order, staff, shopper):
    body = {"amount": {"amount_minor": 100, "currency": "EUR"}, "reason": "goodwill"}
    path = f"staff/orders/{order.id}/refunds"
    assert staff.call("post", path, body, If_Match="*").json()["code"] == "idempotency_key_required"
    assert staff.refund(order, amount={"amount_minor": 100, "currency": "USD"}).json()["code"] == "currency_mismatch"
    unpaid = shopper.buy()
    assert staff.refund(unpaid, amount=body["amount"]).json()["code"] == "not_refundable"
    staff.headers = bearer(staff.user_id, ["support"])
    assert staff.refund(order, amount=body["amount"]).status_code == 403
    staff.headers = bearer(staff.user_id, ["finance"], auth_time=1)
    assert staff.refund(order, amount=body["amount"]).json()["code"] == "login_too_old"
    assert not Refund.objects.exists()


def test_a_refund_repeated_under_its_key_is_one_refund(order, staff):
    answers = [staff.refund(order, key="one", amount={"amount_minor": 100, "currency": "EUR"}) for _ in range(2)]
    assert answers[1]["Idempotent-Replayed"] == "true"
    assert Refund.objects.count() == 1


def test_duties_that_the_carrier_collects_at_the_door_are_never_refunded(shopper, staff, pay):
    cart = shopper.open_cart()
    shopper.put(cart, "TEE-M", 2)
    place = {"country": "US", "region": "NY", "postal_code": "10001"}
    quote = shopper.quote(cart, ship_to=place, currency="USD", incoterm="DAP").json()["data"][0]
    home = {"name": "Ann", "line1": "1 Main St", "city": "New York", **place}
    order = pay(Order.objects.get(pk=shopper.check_out(quote, shipping_address=home).json()["id"]))
    duty = staff.call("get", f"staff/orders/{order.id}").json()["lines"][0]["duty"]["amount_minor"]
    assert duty > 0
    staff.ship(order, {1: 1})
    shown = staff.cancel_rest(order).json()["refunds"][0]["lines"][0]
    assert (shown["duty"]["amount_minor"], shown["tax"]["amount_minor"]) == (0, 0)
    assert staff.refund(order, lines=[{"line_id": 1, "quantity": 1}]).json()["refunded"]["amount_minor"] == (
        order.total_minor
    )
