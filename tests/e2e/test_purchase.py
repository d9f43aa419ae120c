"""Purchases as people make them, through the gateway, with everything real behind it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from deploy.local.shopper import wait_for
from tests.e2e.conftest import COFFEE, MUG, POSTER, TEE, in_stock

pytestmark = pytest.mark.usefixtures("sound")


def test_a_registered_buyer_buys_across_the_border(new_shopper):
    mira = new_shopper(registered=True)
    cart = mira.put(mira.put(mira.open_cart(currency="USD"), TEE, 2), COFFEE, 1)
    quote = mira.quote(cart, "US", "USD", incoterm="DDP")
    assert {"goods", "freight", "duty"} <= {charge["kind"] for charge in quote["charges"]}
    assert all(step["source"] for line in quote["lines"] for step in line["explained"] if step["kind"] == "duty")
    order = mira.check_out(quote)
    mira.pay(order)
    paid = mira.wait_until(order, "paid")
    assert paid["total"] == quote["total"]
    assert mira.payment(order)["status"] == "captured"
    assert order["number"] in mira.mail("confirmed")["subject"]
    assert mira.timeline(order)[0] == "placed"
    assert mira.timeline(order)[-1] == "paid"
    notices = wait_for(lambda: mira.ask("GET", "notifications").json()["data"], 20, "a notice in the inbox")
    assert any(order["number"] in str(notice) for notice in notices)


def test_a_guest_buys_with_a_card_that_asks_the_bank(new_shopper):
    guest = new_shopper(language="de")
    order = guest.order_one(MUG)
    guest.pay(order, "tok_action")
    assert "/thanks" in guest.approve_redirect(order)
    guest.wait_until(order, "paid")
    assert order["number"] in guest.mail("bestätigt")["subject"]
    stranger = httpx.get(f"{guest.layout.url('gateway')}/api/v1/orders/{order['id']}")
    assert stranger.status_code == 404


def test_a_delivery_from_tokyo_is_quoted_and_bought_in_yen(new_shopper):
    buyer = new_shopper(language="ja")
    order = buyer.order_one("KNIFE-SANTOKU-170", "JP", "JPY")
    assert order["lines"][0]["sku"] == "KNIFE-SANTOKU-170"
    assert order["total"]["exponent"] == 0
    buyer.pay(order)
    buyer.wait_until(order, "paid")


def test_of_many_who_want_the_last_one_exactly_one_gets_it(new_shopper, stack):
    buyers = [new_shopper() for _ in range(6)]
    assert in_stock(buyers[0], POSTER)
    carts = [buyer.put(buyer.open_cart(currency="EUR"), POSTER, 1) for buyer in buyers]
    quotes = [buyer.quote(cart, "DE", "EUR") for buyer, cart in zip(buyers, carts, strict=True)]
    with ThreadPoolExecutor(6) as pool:
        orders = list(pool.map(lambda pair: pair[0].check_out(pair[1]), zip(buyers, quotes, strict=True)))
    ended = [
        buyer.wait_until(order, "awaiting_payment", "rejected") for buyer, order in zip(buyers, orders, strict=True)
    ]
    assert sorted(order["state"] for order in ended) == ["awaiting_payment"] + ["rejected"] * 5
    loser = next(order for order in ended if order["state"] == "rejected")
    assert loser["rejected_lines"] == [{"sku": POSTER, "requested": 1, "available": 0}]
    winner = next(order for order in ended if order["state"] == "awaiting_payment")
    stack.expire(winner)
    wait_for(lambda: in_stock(buyers[0], POSTER), 20, "the poster to be back")


def test_an_order_that_nobody_pays_expires_and_gives_its_stock_back(new_shopper, stack):
    idle = new_shopper()
    wait_for(lambda: in_stock(idle, POSTER), 20, "the poster to be there")
    order = idle.order_one(POSTER)
    idle.wait_until(order, "awaiting_payment")
    wait_for(lambda: not in_stock(idle, POSTER), 20, "the poster to be held")
    stack.expire(order)
    idle.wait_until(order, "expired")
    wait_for(lambda: in_stock(idle, POSTER), 20, "the poster to be back")

    def too_late() -> bool:
        body = {"payment_method": "tok_success", "return_url": f"{idle.layout.url('gateway')}/thanks"}
        headers = {"Idempotency-Key": order["id"]}
        answer = idle.ask("POST", f"payments/{order['payment_id']}/confirm", expect=None, json=body, headers=headers)
        return answer.status_code == 409 and answer.json()["code"] == "order_closed"

    assert wait_for(too_late, 20, "payments to refuse a payment for it")
    assert "expired" in idle.mail(order["number"])["subject"].lower() or idle.mail("expired")


def test_a_cancelled_order_gives_everything_back(new_shopper):
    buyer = new_shopper(registered=True)
    unpaid = buyer.order_one(TEE)
    buyer.wait_until(unpaid, "awaiting_payment")
    assert buyer.ask("POST", f"orders/{unpaid['id']}/cancel", json={}).json()["state"] == "cancelled"
    paid = buyer.order_one(TEE)
    buyer.pay(paid)
    buyer.wait_until(paid, "paid")
    assert buyer.ask("POST", f"orders/{paid['id']}/cancel", json={}).json()["state"] == "cancelled"
    total = paid["total"]["amount_minor"]
    wait_for(lambda: buyer.payment(paid)["refunded"]["amount_minor"] == total, 30, "the money to be given back")
    wait_for(lambda: buyer.order(paid)["refunds"], 20, "the refund to be shown with the order")


def test_a_declined_payment_is_tried_again(new_shopper):
    buyer = new_shopper()
    order = buyer.order_one(MUG)
    buyer.pay(order, "tok_decline")
    wait_for(lambda: buyer.payment(order)["last_error"], 20, "the refusal to be shown")
    assert buyer.order(order)["state"] == "awaiting_payment"
    buyer.pay(order, "tok_success")
    buyer.wait_until(order, "paid")
    assert "payment failed" in buyer.timeline(order)


@pytest.mark.parametrize(
    "method", ["tok_timeout_done", "tok_error_done", "tok_webhook_twice", "tok_capture_timeout_done"]
)
def test_a_provider_on_a_bad_day_charges_once(new_shopper, method):
    buyer = new_shopper()
    order = buyer.order_one(MUG)
    buyer.pay(order, method)
    buyer.wait_until(order, "paid", seconds=60)
    assert buyer.payment(order)["status"] == "captured"


def test_a_capture_that_is_refused_cancels_the_order(new_shopper):
    buyer = new_shopper()
    order = buyer.order_one(MUG)
    buyer.pay(order, "tok_capture_refused")
    buyer.wait_until(order, "cancelled")
