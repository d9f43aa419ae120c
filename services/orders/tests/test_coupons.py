"""Coupons: what they take off, how often, and that a use is given back once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone
from orders.models import Coupon, CouponUse, Order, OrderLine, Quote, RuleBook, ShippingRate, Violation
from orders.tasks import audit_invariants
from orders.use_cases.coupons import give_back
from orders.use_cases.orders import expire_order
from rest_framework.test import APIClient

from tests.conftest import CONTACT, HOME, Shopper

NEW_YORK = {"country": "US", "region": "NY", "postal_code": "10001"}


@pytest.fixture(autouse=True)
def books(db):
    yield
    assert audit_invariants() == 0, list(Violation.objects.values())


@pytest.fixture
def tenth(db) -> Coupon:
    return Coupon.objects.create(code="TENTH", percent=10)


@pytest.fixture
def cart(shopper) -> dict:
    cart = shopper.open_cart()
    shopper.put(cart, "COFFEE-1KG", 2)
    shopper.put(cart, "TEE-M", 3)
    return cart


def test_a_coupon_comes_off_before_duty_and_tax_and_is_explained_line_by_line(shopper, cart, tenth):
    plain = shopper.quote(cart, ship_to=NEW_YORK, currency="USD").json()["data"][0]
    put = shopper.put_coupon(cart, "tenth")
    assert (put.status_code, put.json()["coupon_code"], put["ETag"]) == (200, "TENTH", '"4"')
    quote = shopper.quote(cart, ship_to=NEW_YORK, currency="USD").json()["data"][0]
    charges = {charge["kind"]: charge["amount"]["amount_minor"] for charge in quote["charges"]}
    before = {charge["kind"]: charge["amount"]["amount_minor"] for charge in plain["charges"]}
    assert charges["discount"] == -1450  # 10% of 2 x 26.00 and 3 x 31.00
    assert charges["goods"] == before["goods"]
    assert sum(line["discount"]["amount_minor"] for line in quote["lines"]) == -1450
    assert charges["duty"] < before["duty"]
    for line in quote["lines"]:
        steps = {step["kind"]: step for step in line["explained"]}
        assert steps["discount"]["label"].startswith("Coupon TENTH: 10% off")
        assert steps["duty"]["base"]["amount_minor"] == line["goods"]["amount_minor"]  # FOB, after discount
    at_checkout = [each["amount"]["amount_minor"] for each in quote["charges"] if each["collect"] == "checkout"]
    assert quote["total"]["amount_minor"] == sum(at_checkout)
    assert quote["coupon_code"] == "TENTH"


def test_what_would_cost_nothing_is_not_quoted_because_nobody_could_pay_it(shopper, cart):
    Coupon.objects.create(code="ALL", percent=100)
    ShippingRate.objects.update(amount=0)
    RuleBook.turn_page()
    shopper.put_coupon(cart, "ALL")
    answer = shopper.quote(cart)
    assert (answer.status_code, answer.json()["code"]) == (422, "unquotable")
    assert [error["code"] for error in answer.json()["errors"]] == ["nothing_to_pay"]


def test_an_order_keeps_what_was_taken_off_and_refunds_what_was_paid(shopper, cart, tenth, pay, staff):
    shopper.put_coupon(cart, "TENTH")
    answer = shopper.check_out(shopper.quote(cart).json()["data"][0])
    assert answer.json()["coupon_code"] == "TENTH"
    order = pay(Order.objects.get(pk=answer.json()["id"]))
    assert sum(OrderLine.objects.values_list("discount_minor", flat=True)) < 0
    assert (Coupon.objects.get().uses, CouponUse.objects.get().customer) == (1, f"user:{shopper.user_id}")
    staff.ship(order, {1: 2, 2: 3})
    back = staff.refund(order, lines=[{"line_id": 1, "quantity": 2}, {"line_id": 2, "quantity": 3}]).json()
    assert back["refunded"] == back["total"]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"active": False}, 400, "coupon_not_active"),
        ({"valid_to": timezone.now() - timedelta(days=1)}, 400, "coupon_expired"),
        ({"valid_from": timezone.now() + timedelta(days=1)}, 400, "coupon_not_valid_yet"),
    ],
)
def test_a_coupon_outside_of_its_time_is_not_put_into_a_cart(shopper, cart, tenth, fields, status, code):
    Coupon.objects.update(**fields)
    refused = shopper.put_coupon(cart, "TENTH")
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert shopper.call("get", f"carts/{cart['id']}").json()["coupon_code"] is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"minimum": {"EUR": 13_601}}, "coupon_minimum_not_reached"),
        ({"minimum": {"USD": 1}}, "coupon_other_currency"),
        ({"percent": None, "amounts": {"USD": 500}}, "coupon_other_currency"),
        ({"limit_total": 1, "uses": 0}, None),
        ({"minimum": {"EUR": 13_600}}, None),
        ({"valid_to": timezone.now() - timedelta(seconds=1)}, "coupon_expired"),
    ],
)
def test_a_quote_says_why_a_coupon_takes_nothing_off(shopper, cart, tenth, fields, code):
    shopper.put_coupon(cart, "TENTH")
    Coupon.objects.update(**fields)
    answer = shopper.quote(cart)
    if code is None:
        assert answer.status_code == 201
    else:
        assert (answer.status_code, answer.json()["code"], answer.json()["coupon"]) == (422, code, "TENTH")
        assert not Quote.objects.exists()


def test_the_coupon_in_a_cart_needs_its_version_and_a_change_makes_quotes_old(shopper, cart, tenth):
    path = f"carts/{cart['id']}/coupon"
    quote = shopper.quote(cart).json()["data"][0]
    assert shopper.call("put", path, {"code": "TENTH"}).status_code == 428
    assert shopper.call("put", path, {"code": "TENTH"}, If_Match='"1"').status_code == 412
    unknown = shopper.put_coupon(cart, "NOPE")
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown_coupon")
    assert shopper.call("delete", path, If_Match="*").status_code == 404
    assert shopper.put_coupon(cart, "TENTH").status_code == 200
    assert shopper.check_out(quote).json()["code"] == "quote_cart_changed"
    assert shopper.call("delete", path, If_Match="*").json()["coupon_code"] is None
    assert Shopper(shopper.api, uuid4()).put_coupon(cart, "TENTH").status_code == 404
    assert shopper.put_coupon(cart, "x").status_code == 400


def test_a_guests_coupon_comes_along_at_login(guest, tenth):
    cart = guest.open_cart()
    guest.put(cart, "TEE-M", 1)
    guest.put_coupon(cart, "TENTH")
    user = Shopper(guest.api, uuid4())
    user.open_cart()
    claimed = user.call("post", f"carts/{cart['id']}/claim", Cart_Token=guest.headers["Cart-Token"]).json()
    assert claimed["coupon_code"] == "TENTH"


def test_one_that_was_used_up_between_quote_and_checkout_is_a_409_that_names_it(shopper, cart, tenth):
    Coupon.objects.update(limit_total=1)
    shopper.put_coupon(cart, "TENTH")
    quote = shopper.quote(cart).json()["data"][0]
    Shopper(shopper.api, uuid4()).buy("TEE-M", 1, coupon="TENTH")
    refused = shopper.check_out(quote)
    assert (refused.status_code, refused.json()["code"], refused.json()["coupon"]) == (409, "coupon_used_up", "TENTH")
    assert "TENTH" in refused.json()["detail"]
    assert (Order.objects.count(), Coupon.objects.get().uses) == (1, 1)
    assert shopper.quote(cart).json()["code"] == "coupon_used_up"
    Coupon.objects.update(limit_total=None, active=False)
    assert shopper.check_out(quote).json()["code"] == "coupon_not_active"


def test_one_customer_uses_it_as_often_as_they_may_by_account_or_by_casefolded_email(api, shop, tenth):
    Coupon.objects.update(limit_per_customer=1)
    for email, expected in (("Mira@Example.com", 202), ("mira@example.COM", 409), ("other@example.com", 202)):
        guest = Shopper(api)
        cart = guest.open_cart()
        guest.put(cart, "TEE-M", 1)
        guest.put_coupon(cart, "TENTH")
        answer = guest.check_out(guest.quote(cart).json()["data"][0], contact={**CONTACT, "email": email})
        assert answer.status_code == expected, answer.json()
    assert (Coupon.objects.get().uses, CouponUse.objects.count()) == (2, 2)


@pytest.mark.parametrize("how", ["rejected", "expired", "cancelled"])
def test_a_use_is_given_back_once_when_the_order_closes_unfulfilled(shopper, say, tenth, how):
    Coupon.objects.update(limit_total=1, limit_per_customer=1)
    order = shopper.buy("TEE-M", 1, coupon="TENTH")
    for _ in range(2):
        if how == "rejected":
            say(order, "stock.rejected", lines=[{"sku": "TEE-M", "requested": 1, "available": 0}])
        elif how == "expired":
            expire_order(order_id=order.id, now=timezone.now(), at_once=True)
        else:
            shopper.call("post", f"orders/{order.id}/cancel", {})
    assert (Coupon.objects.get().uses, CouponUse.objects.filter(given_back_at=None).count()) == (0, 0)
    assert shopper.buy("TEE-M", 1, coupon="TENTH").coupon_code == "TENTH"
    assert Coupon.objects.get().uses == 1


def test_a_use_is_given_back_once_however_often_it_is_asked(shopper, tenth):
    orders = [shopper.buy("TEE-M", 1, coupon="TENTH") for _ in range(2)]
    shopper.call("post", f"orders/{orders[0].id}/cancel", {})
    for _ in range(2):
        give_back(orders[0], now=timezone.now())
    assert Coupon.objects.get().uses == 1


def test_fifty_shoppers_for_ten_uses_get_ten(api, shop, tenth):
    Coupon.objects.update(limit_total=10)
    ready = []
    for _ in range(50):
        shopper = Shopper(api, uuid4())
        cart = shopper.open_cart()
        shopper.put(cart, "TEE-M", 1)
        shopper.put_coupon(cart, "TENTH")
        ready.append((shopper, shopper.quote(cart).json()["data"][0]))

    def check_out(pair):
        shopper, quote = pair
        body = {"quote_id": quote["id"], "contact": CONTACT, "shipping_address": HOME}
        try:
            answer = APIClient().post("/api/v1/orders", body, headers={**shopper.headers, "Idempotency-Key": "k"})
            return answer.status_code, answer.json().get("code")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(50) as pool:
        answers = sorted(pool.map(check_out, ready), key=str)
    assert answers == [(202, None)] * 10 + [(409, "coupon_used_up")] * 40
    assert (Coupon.objects.get().uses, CouponUse.objects.count(), Order.objects.count()) == (10, 10, 10)


def test_twenty_guests_with_one_email_use_it_as_often_as_one_customer_may(api, shop, tenth):
    Coupon.objects.update(limit_per_customer=3)
    ready = []
    for _ in range(20):
        guest = Shopper(api)
        cart = guest.open_cart()
        guest.put(cart, "TEE-M", 1)
        guest.put_coupon(cart, "TENTH")
        ready.append((guest, guest.quote(cart).json()["data"][0]))

    def check_out(pair):
        guest, quote = pair
        body = {"quote_id": quote["id"], "contact": CONTACT, "shipping_address": HOME}
        try:
            headers = {**guest.headers, "Idempotency-Key": "k"}
            return APIClient().post("/api/v1/orders", body, headers=headers).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        statuses = sorted(pool.map(check_out, ready))
    assert statuses == [202] * 3 + [409] * 17
    assert Coupon.objects.get().uses == 3


def test_checkout_takes_at_most_fifteen_statements_with_a_coupon_too(shopper, cart, tenth, statements):
    Coupon.objects.update(limit_total=5, limit_per_customer=2)
    shopper.put_coupon(cart, "TENTH")
    quote = shopper.quote(cart).json()["data"][0]
    with statements() as run:
        assert shopper.check_out(quote).status_code == 202
    assert len(run) <= 15, run
    other = shopper.open_cart()
    with statements() as run:
        assert shopper.put_coupon(other, "TENTH").status_code == 200
    assert len(run) <= 6, run
