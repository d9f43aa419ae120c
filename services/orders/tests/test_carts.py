"""Filling a cart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone
from orders.models import Cart, CartItem, Order, Quote
from orders.tasks import forget_old_quotes_and_carts
from outbox.testing import deliver
from rest_framework.test import APIClient

from tests.conftest import Shopper


def test_a_guest_gets_a_token_once_and_it_opens_the_cart(guest):
    answer = guest.call("post", "carts", {"currency": "EUR"})
    assert answer.status_code == 201
    assert len(answer["Cart-Token"]) == 43
    again = guest.call("post", "carts", {}, Cart_Token=answer["Cart-Token"])
    assert (again.status_code, again.json()["id"], "Cart-Token" in again) == (200, answer.json()["id"], False)
    assert guest.call("get", f"carts/{answer.json()['id']}").status_code == 404


def test_items_show_todays_price_in_the_language_and_currency_asked_for(shopper):
    cart = shopper.open_cart(currency="EUR")
    shopper.put(cart, "COFFEE-1KG", 2)
    shown = shopper.call("get", f"carts/{cart['id']}?currency=JPY", Accept_Language="de").json()
    assert shown["items"][0]["title"] == "Coffee beans (de)"
    assert shown["subtotal"] == {"amount_minor": 7800, "currency": "JPY", "exponent": 0, "display": "7.800\xa0¥"}


def test_a_change_needs_the_version_that_was_read(shopper):
    cart = shopper.open_cart()
    path, body = f"carts/{cart['id']}/items/TEE-M", {"quantity": 1}
    assert shopper.call("put", path, body).status_code == 428
    first = shopper.call("put", path, body, If_Match='"1"')
    assert (first.status_code, first["ETag"]) == (200, '"2"')
    stale = shopper.call("put", path, {"quantity": 9}, If_Match='"1"')
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    assert CartItem.objects.get().quantity == 1


@pytest.mark.parametrize(
    ("sku", "body", "code"),
    [
        ("NOPE", {"quantity": 1}, "unknown_sku"),
        ("TEE-M", {"quantity": -1}, "invalid"),
        ("TEE-M", {"quantity": 0}, "invalid"),
        ("TEE-M", {"quantity": 10**9}, "invalid"),
        ("TEE-M", {"quantity": "many"}, "invalid"),
        ("TEE-M", {"quantity": 1, "price": 0}, "invalid"),
        ("TEE-M", [], "invalid"),
    ],
)
def test_bad_items_are_refused_and_change_nothing(shopper, sku, body, code):
    cart = shopper.open_cart()
    answer = shopper.call("put", f"carts/{cart['id']}/items/{sku}", body, If_Match="*")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not CartItem.objects.exists()
    assert Cart.objects.get().version == 1


def test_a_currency_without_a_price_list_is_refused_naming_those_served(shopper):
    cart = shopper.open_cart()
    shopper.put(cart, "KNIFE-170", 1)
    answer = shopper.call("get", f"carts/{cart['id']}?currency=GBP")
    assert (answer.status_code, answer.json()["code"]) == (400, "currency_not_served")
    assert "EUR, JPY, USD" in answer.json()["detail"]


def test_someone_elses_cart_is_not_there(shopper, api):
    cart = shopper.open_cart()
    other = Shopper(api, uuid4())
    assert other.call("get", f"carts/{cart['id']}").status_code == 404
    assert other.put(cart, "TEE-M", 1).status_code == 404
    assert not CartItem.objects.exists()


def test_a_guests_cart_becomes_the_users_at_login(guest):
    cart = guest.open_cart()
    guest.put(cart, "TEE-M", 1)
    user = Shopper(guest.api, uuid4())
    claimed = user.call("post", f"carts/{cart['id']}/claim", Cart_Token=guest.headers["Cart-Token"])
    assert (claimed.status_code, claimed.json()["id"]) == (200, cart["id"])
    assert guest.call("get", f"carts/{cart['id']}").status_code == 404
    assert user.call("get", f"carts/{cart['id']}").status_code == 200


def test_claiming_pours_into_the_cart_that_the_user_has_open_and_adds_up(guest):
    cart = guest.open_cart()
    guest.put(cart, "TEE-M", 2)
    guest.put(cart, "COFFEE-1KG", 1)
    user = Shopper(guest.api, uuid4())
    mine = user.open_cart()
    user.put(mine, "TEE-M", 3)
    claimed = user.call("post", f"carts/{cart['id']}/claim", Cart_Token=guest.headers["Cart-Token"]).json()
    assert claimed["id"] == mine["id"]
    assert {item["sku"]: item["quantity"] for item in claimed["items"]} == {"TEE-M": 5, "COFFEE-1KG": 1}


def test_claiming_needs_the_carts_own_token(guest):
    cart = guest.open_cart()
    user = Shopper(guest.api, uuid4())
    assert user.call("post", f"carts/{cart['id']}/claim", Cart_Token="x" * 43).status_code == 404


def test_eight_parallel_first_visits_open_one_cart(shopper):
    def visit(_):
        try:
            return APIClient().post("/api/v1/carts", {}, headers=shopper.headers).json()["id"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(visit, range(8)))) == 1
    assert Cart.objects.count() == 1


def test_adding_to_a_cart_takes_six_statements_however_full_it_is(shopper, statements):
    cart = shopper.open_cart()
    for sku in ("TEE-M", "COFFEE-1KG"):
        shopper.put(cart, sku, 1)
    with statements() as run:
        shopper.put(cart, "KNIFE-170", 1)
    assert len(run) <= 6, run


def test_a_cart_holds_a_hundred_different_items(shopper):
    from orders.models import SellableItem

    price = {"amount_minor": 1, "currency": "EUR", "tax_included_country": None}
    SellableItem.objects.bulk_create(
        [
            SellableItem(sku=f"S-{n}", version=1, active=True, titles={"en": "x"}, prices=[price], weight_g=1)
            for n in range(100)
        ]
    )
    cart = shopper.open_cart()
    CartItem.objects.bulk_create([CartItem(cart_id=cart["id"], sku=f"S-{n}", quantity=1) for n in range(100)])
    answer = shopper.put(cart, "TEE-M", 1)
    assert (answer.status_code, answer.json()["code"]) == (409, "cart_full")
    assert CartItem.objects.count() == 100


def test_an_erased_users_carts_go_and_their_orders_stay(paid, shopper):
    shopper.open_cart()
    data = {"id": str(shopper.user_id), "erased_at": "2026-11-23T09:00:00Z"}
    deliver("crossborder.user.erased.v1", data, key=shopper.user_id)
    assert list(Cart.objects.values_list("pk", flat=True)) == [paid.cart_id]
    assert Order.objects.filter(pk=paid.pk).exists()


def test_old_quotes_and_carts_are_forgotten_and_ordered_ones_kept(paid, shopper):
    cart = shopper.open_cart()
    shopper.put(cart, "TEE-M", 1)
    shopper.quote(cart)
    Quote.objects.update(expires_at=timezone.now() - timedelta(days=2))
    assert forget_old_quotes_and_carts() == 1
    assert list(Quote.objects.values_list("pk", flat=True)) == [paid.quote_id]
    Cart.objects.update(updated_at=timezone.now() - timedelta(days=91))
    assert forget_old_quotes_and_carts() == 1
    assert list(Cart.objects.values_list("pk", flat=True)) == [paid.cart_id]
