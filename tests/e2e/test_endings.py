"""Each way an order can end after it was paid, through the gateway, with staff, buyer, bank and warehouse."""

from __future__ import annotations

import secrets

import httpx
import pytest

from deploy.audit.__main__ import connect
from deploy.local.shopkeeper import Shopkeeper
from deploy.local.shopper import Shopper, Unexpected, wait_for
from tests.e2e.conftest import MUG, TEE, Stack

pytestmark = pytest.mark.usefixtures("sound")


def paid(buyer: Shopper, sku: str = MUG, quantity: int = 1, method: str = "tok_success") -> dict:
    order = buyer.order_one(sku, quantity=quantity)
    buyer.pay(order, method)
    return buyer.wait_until(order, "paid")


def refunded(buyer: Shopper, order: dict) -> int:
    """What has gone back at the provider, in minor units."""
    return buyer.payment(order)["refunded"]["amount_minor"]


def refunds_are_shown(buyer: Shopper, order: dict, state: str, count: int) -> list[dict]:
    def shown() -> list[dict] | None:
        rows = buyer.order(order)["refunds"]
        return rows if [row["state"] for row in rows].count(state) == count else None

    return wait_for(shown, 30, f"{count} refunds of {order['number']} to be {state}", lambda: buyer.order(order))


def test_shipped_in_parts_and_delivered(new_shopper, keeper):
    buyer = new_shopper()
    order = paid(buyer, quantity=3)
    assert keeper.ship(order, {1: 1})["state"] == "partially_shipped"
    assert keeper.ship(order, {1: 2})["state"] == "shipped"
    assert order["number"] in buyer.mail("way")["subject"]
    keeper.deliver(order)
    assert buyer.wait_until(order, "delivered")["lines"][0]["shipped"] == 3
    assert [shipment["tracking_number"] for shipment in buyer.order(order)["shipments"]] == ["3SCBTA0012345"] * 2


def test_the_rest_of_a_partly_shipped_order_is_cancelled_and_its_money_goes_back(new_shopper, keeper):
    buyer = new_shopper()
    order = paid(buyer, quantity=3)
    keeper.ship(order, {1: 1})
    left = keeper.change("POST", order, "line-cancellations")
    assert (left["state"], left["lines"][0]["cancelled"]) == ("shipped", 2)
    (refund,) = refunds_are_shown(buyer, order, "succeeded", 1)
    assert 0 < refund["amount"]["amount_minor"] < order["total"]["amount_minor"]
    assert refunded(buyer, order) == refund["amount"]["amount_minor"]


def test_a_parcel_comes_back_is_restocked_and_refunded(new_shopper, keeper):
    buyer = new_shopper(registered=True)
    order = paid(buyer, TEE, quantity=2)
    keeper.ship(order, {1: 2})
    keeper.deliver(order)
    asked = buyer.ask(
        "POST",
        f"orders/{order['id']}/returns",
        expect=201,
        json={"lines": [{"line_id": 1, "quantity": 1}], "reason": "too small"},
        headers={"Idempotency-Key": secrets.token_hex(12)},
    ).json()
    returned = asked["returns"][0]
    decide(keeper, returned, "approve")
    decide(keeper, returned, "receive", lines=[{"line_id": 1, "quantity": 1, "restock_quantity": 1}])
    wait_for(lambda: buyer.order(order)["returns"][0]["state"] == "refunded", 30, "the return to be refunded")
    (refund,) = refunds_are_shown(buyer, order, "succeeded", 1)
    assert refunded(buyer, order) == refund["amount"]["amount_minor"] > 0
    assert {"return requested", "return approved", "return received"} <= set(buyer.timeline(order))


def decide(keeper: Shopkeeper, returned: dict, what: str, **body) -> None:
    order = keeper.ask("GET", "staff/returns").json()["data"]
    found = next(row for row in order if row["id"] == returned["id"])
    etag = keeper.ask("GET", f"staff/orders/{found['order_id']}").headers["ETag"]
    headers = {"If-Match": etag, "Idempotency-Key": secrets.token_hex(12)}
    keeper.ask("POST", f"staff/returns/{returned['id']}/{what}", json=body, headers=headers)


def test_a_refund_that_fails_waits_for_a_person_and_is_sent_once_more(new_shopper, keeper):
    buyer = new_shopper()
    order = paid(buyer, method="tok_refund_fails")
    body = {"amount": {"amount_minor": 100, "currency": "EUR"}, "reason": "goodwill"}
    keeper.change("POST", order, "refunds", expect=201, **body)
    (failed,) = refunds_are_shown(buyer, order, "failed", 1)
    assert refunded(buyer, order) == 0
    path = f"staff/payments/{order['payment_id']}/refunds/{failed['refund_id']}/retry"
    keeper.ask("POST", path, expect=None, headers={"Idempotency-Key": secrets.token_hex(12)})
    refunds_are_shown(buyer, order, "succeeded", 1)
    assert refunded(buyer, order) == 100


def test_more_is_never_refunded_than_was_charged(new_shopper, keeper):
    buyer = new_shopper()
    order = paid(buyer)
    too_much = {"amount_minor": order["total"]["amount_minor"] + 1, "currency": "EUR"}
    answer = keeper.change("POST", order, "refunds", expect=409, amount=too_much, reason="goodwill")
    assert answer["code"] == "refund_too_much"


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_while_the_bank_contests_the_charge_nothing_ships(new_shopper, keeper, stack, outcome):
    buyer = new_shopper()
    order = paid(buyer)
    dispute = f"{stack.layout.url('sandbox')}/admin/intents/{intent_of(stack, order)}/dispute"
    httpx.post(dispute, json={}).raise_for_status()
    wait_for(lambda: "dispute" in buyer.order(order)["hold_reasons"], 60, "the order to be held")
    assert keeper.ship(order, {1: 1}, expect=409)["code"] == "not_shippable"
    httpx.post(f"{dispute}/{outcome}").raise_for_status()
    wait_for(lambda: not buyer.order(order)["hold_reasons"], 60, "the hold to be lifted")
    assert buyer.order(order)["dispute"]["outcome"] == outcome
    assert keeper.ship(order, {1: 1})["state"] == "shipped"


def intent_of(stack: Stack, order: dict) -> str:
    """The provider's name for what the order was paid with."""
    cursor = connect(stack.variables).cursor()
    attempts = "SELECT object_id FROM crossborder_payments.payments_attempt"
    cursor.execute(f"{attempts} WHERE payment_id = %s AND state = 'current'", [order["payment_id"].replace("-", "")])
    return cursor.fetchone()[0]


def test_a_coupon_takes_its_share_and_is_given_back_with_the_order(new_shopper, keeper):
    code = f"SPRING{secrets.token_hex(3).upper()}"
    keeper.ask("POST", "staff/coupons", expect=201, json={"code": code, "percent": 10, "limit_total": 1})
    buyer = new_shopper(registered=True)
    cart = buyer.put(buyer.open_cart(currency="EUR"), MUG, 2)
    answer = buyer.ask("PUT", f"carts/{cart['id']}/coupon", json={"code": code}, headers={"If-Match": cart["etag"]})
    quote = buyer.quote(cart | answer.json(), "DE", "EUR")
    assert quote["coupon_code"] == code
    order = buyer.check_out(quote)
    again = new_shopper()
    other = again.put(again.open_cart(currency="EUR"), MUG, 1)
    headers = {"If-Match": other["etag"]}
    other |= again.ask("PUT", f"carts/{other['id']}/coupon", json={"code": code}, headers=headers).json()
    with pytest.raises(Unexpected, match="coupon_used_up"):
        again.quote(other, "DE", "EUR")
    buyer.wait_until(order, "awaiting_payment")
    buyer.ask("POST", f"orders/{order['id']}/cancel", json={})
    assert again.check_out(again.quote(other, "DE", "EUR"))["state"] == "pending_stock"


def test_an_order_has_its_papers(new_shopper):
    buyer = new_shopper(registered=True)
    order = buyer.order_one(TEE, "US", "USD")
    buyer.pay(order)
    buyer.wait_until(order, "paid")
    invoice = buyer.ask("GET", f"orders/{order['id']}/documents/invoice").json()
    assert invoice["total"] == order["total"]
    customs = buyer.ask("GET", f"orders/{order['id']}/documents/customs-invoice").json()
    assert customs["lines"][0]["hs_code"]
    export = buyer.ask("GET", "orders/export")
    assert order["number"] in export.text
