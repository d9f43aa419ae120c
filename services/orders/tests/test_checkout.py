"""A quote, and the order it becomes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connections
from orders.models import Order, Quote, SellableItem
from outbox.models import OutboxEvent
from outbox.testing import capture_events
from rest_framework.test import APIClient

from tests.conftest import CONTACT, HOME, Shopper

NEW_YORK = {"country": "US", "region": "NY", "postal_code": "10001"}


@pytest.fixture
def cart(shopper) -> dict:
    cart = shopper.open_cart()
    shopper.put(cart, "TEE-M", 2)
    return cart


@pytest.fixture
def quote(shopper, cart) -> dict:
    return shopper.quote(cart).json()["data"][0]


def test_a_quote_adds_up_and_says_rule_rate_source_and_date_for_each_amount(shopper, cart):
    quote = shopper.quote(cart, ship_to=NEW_YORK, currency="USD").json()["data"][0]
    at_checkout = [charge["amount"]["amount_minor"] for charge in quote["charges"] if charge["collect"] == "checkout"]
    assert quote["total"]["amount_minor"] == sum(at_checkout)
    assert {"goods", "freight", "duty"} <= {charge["kind"] for charge in quote["charges"]}
    duties = [step for step in quote["lines"][0]["explained"] if step["kind"] == "duty"]
    assert duties
    for duty in duties:
        assert duty["expression"] and duty["source"] and duty["source_date"] and duty["rule_id"]


def test_both_incoterms_are_two_quotes_and_ddp_collects_the_duty_at_checkout(shopper, cart):
    answer = shopper.quote(cart, ship_to=NEW_YORK, currency="USD", incoterm="both").json()
    by_incoterm = {quote["incoterm"]: quote for quote in answer["data"]}
    collected = {
        incoterm: {charge["collect"] for charge in quote["charges"] if charge["kind"] == "duty"}
        for incoterm, quote in by_incoterm.items()
    }
    assert collected == {"DDP": {"checkout"}, "DAP": {"delivery"}}
    assert by_incoterm["DDP"]["id"] != by_incoterm["DAP"]["id"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"currency": "CHF"}, "currency_not_served"),
        ({"currency": "eur"}, "invalid"),
        ({"ship_to": {"country": "AQ"}}, "country_not_served"),
        ({"ship_to": {"country": "Germany"}}, "invalid"),
        ({"cart_id": None}, "invalid"),
        ({"cart_id": None, "items": [{"sku": "NOPE", "quantity": 1}]}, "unknown_sku"),
        ({"incoterm": "EXW"}, "invalid"),
        ({"discount": 100}, "invalid"),
    ],
)
def test_bad_quotes_are_refused_and_nothing_is_stored(shopper, cart, change, code):
    body = {"cart_id": cart["id"], "ship_to": {"country": "DE"}, "currency": "EUR", **change}
    answer = shopper.call("post", "quotes", {name: value for name, value in body.items() if value is not None})
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.json()
    assert not Quote.objects.exists()


def test_what_is_restricted_or_out_of_stock_cannot_be_quoted_and_says_why(shopper, cart):
    SellableItem.objects.filter(pk="TEE-M").update(restrictions=[{"country": "DE", "reason": "Not sold in Germany."}])
    answer = shopper.quote(cart)
    assert (answer.status_code, answer.json()["code"]) == (422, "unquotable")
    assert "Not sold in Germany." in answer.json()["errors"][0]["detail"]
    shopper.put(cart, "TEE-M", 999)
    SellableItem.objects.update(restrictions=[])
    assert shopper.quote(cart).status_code == 422


def test_an_item_without_a_customs_code_is_unquotable_abroad_and_never_duty_free(shopper, cart):
    SellableItem.objects.filter(pk="TEE-M").update(hs_code=None)
    answer = shopper.quote(cart, ship_to=NEW_YORK, currency="USD")
    assert (answer.status_code, answer.json()["code"]) == (422, "unquotable")


def test_case_1_checkout_answers_202_with_an_order_that_waits_for_stock(shopper, quote):
    with capture_events() as events:
        answer = shopper.check_out(quote)
    order = answer.json()
    assert answer.status_code == 202
    assert answer["Location"] == f"/api/v1/orders/{order['id']}"
    assert (order["state"], order["next_action"]["type"], answer["Retry-After"]) == ("pending_stock", "wait", "1")
    assert order["number"].startswith("CB-") and len(order["number"]) == 13
    assert order["total"] == quote["total"]
    assert [event.type for event in events] == ["crossborder.order.placed.v1"]
    assert events[0].data["total"]["amount_minor"] == quote["total"]["amount_minor"]
    assert events[0].key == order["id"]


def test_a_guest_gets_an_order_token_that_opens_the_order_and_is_the_same_on_a_replay(guest):
    cart = guest.open_cart()
    guest.put(cart, "TEE-M", 1)
    quote = guest.quote(cart).json()["data"][0]
    first = guest.check_out(quote, key="k1")
    again = guest.check_out(quote, key="k1")
    assert again["Idempotent-Replayed"] == "true"
    assert first["Order-Token"] == again["Order-Token"]
    path = f"orders/{first.json()['id']}"
    assert guest.call("get", path).status_code == 200
    assert Shopper(guest.api).call("get", path).status_code == 404
    assert Shopper(guest.api).call("get", path, Order_Token="x" * 43).status_code == 404


def test_a_repeated_checkout_is_one_order_and_the_first_answer(shopper, quote):
    first = shopper.check_out(quote, key="same")
    again = shopper.check_out(quote, key="same")
    assert again.json()["id"] == first.json()["id"]
    assert again["Idempotent-Replayed"] == "true"
    other = shopper.check_out(quote, key="same", contact={**CONTACT, "name": "Else"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Order.objects.count() == 1


def test_without_a_key_nothing_is_ordered(shopper, quote):
    body = {"quote_id": quote["id"], "contact": CONTACT, "shipping_address": HOME}
    answer = shopper.call("post", "orders", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")
    assert not Order.objects.exists()


def test_twenty_parallel_checkouts_with_one_key_make_one_order(shopper, quote):
    body = {"quote_id": quote["id"], "contact": CONTACT, "shipping_address": HOME}

    def order(_):
        try:
            headers = {**shopper.headers, "Idempotency-Key": "one"}
            return APIClient().post("/api/v1/orders", body, headers=headers)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(order, range(20)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"request_in_flight"}
    assert Order.objects.count() == OutboxEvent.objects.filter(type="crossborder.order.placed.v1").count() == 1


def test_twenty_parallel_checkouts_with_different_keys_make_one_order(shopper, quote):
    body = {"quote_id": quote["id"], "contact": CONTACT, "shipping_address": HOME}

    def order(n):
        try:
            headers = {**shopper.headers, "Idempotency-Key": f"key-{n}"}
            return APIClient().post("/api/v1/orders", body, headers=headers).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(order, range(20)))
    assert statuses == [202] + [409] * 19
    assert Order.objects.count() == 1


def test_a_changed_cart_a_stale_quote_and_another_address_are_refused(shopper, cart, quote, time_machine_at):
    elsewhere = shopper.check_out(quote, shipping_address={**HOME, "postal_code": "20095"})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "quote_mismatch")
    shopper.put(cart, "TEE-M", 5)
    changed = shopper.check_out(quote)
    assert (changed.status_code, changed.json()["code"]) == (409, "quote_cart_changed")
    fresh = shopper.quote(cart).json()["data"][0]
    with time_machine_at(minutes=4):
        assert not Order.objects.exists()
    Quote.objects.filter(pk=fresh["id"]).update(expires_at="2020-01-01T00:00:00Z")
    stale = shopper.check_out(fresh)
    assert (stale.status_code, stale.json()["code"]) == (409, "quote_expired")
    assert not Order.objects.exists()


def test_an_item_taken_off_sale_between_quote_and_checkout_is_refused(shopper, quote):
    SellableItem.objects.filter(pk="TEE-M").update(active=False)
    answer = shopper.check_out(quote)
    assert (answer.status_code, answer.json()["code"]) == (409, "item_unavailable")


def test_someone_elses_quote_is_not_there(shopper, quote):
    assert Shopper(shopper.api, uuid4()).check_out(quote).status_code == 404
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"contact": {"email": "nope", "name": "x"}}, "#/contact/email"),
        ({"shipping_address": {**HOME, "country": "XYZ"}}, "#/shipping_address/country"),
        ({"shipping_address": {**HOME, "line1": "x" * 201}}, "#/shipping_address/line1"),
        ({"total": 1}, "#/total"),
        ({"quote_id": "17"}, "#/quote_id"),
    ],
)
def test_bad_checkouts_point_at_what_to_change(shopper, quote, change, pointer):
    answer = shopper.check_out(quote, **change)
    assert answer.status_code == 400
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert not Order.objects.exists()


def test_checkout_takes_at_most_fifteen_statements_however_many_lines(shopper, cart, statements):
    for sku in ("COFFEE-1KG", "KNIFE-170"):
        shopper.put(cart, sku, 1)
    quote = shopper.quote(cart).json()["data"][0]
    with statements() as run:
        assert shopper.check_out(quote).status_code == 202
    assert len(run) <= 15, run


def test_lists_and_details_take_at_most_six_statements(shopper, paid, statements):
    for _ in range(3):
        shopper.buy()
    for path in ("orders", f"orders/{paid.id}", f"orders/{paid.id}/timeline"):
        with statements() as run:
            assert shopper.call("get", path).status_code == 200
        assert len(run) <= 6, run
