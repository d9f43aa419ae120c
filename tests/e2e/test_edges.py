"""What the gateway and the services refuse, and how they say so."""

from __future__ import annotations

import json
import re

import httpx
import pytest
import redis

from tests.e2e.conftest import TEE


@pytest.fixture
def gateway(stack) -> httpx.Client:
    return httpx.Client(base_url=stack.layout.url("gateway"), timeout=10)


def problem(answer: httpx.Response, status: int, code: str | None = None) -> dict:
    """The answer's problem document, once it is one."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    document = answer.json()
    assert {"type", "title", "status", "code", "detail"} <= set(document)
    assert code is None or document["code"] == code
    return document


@pytest.mark.parametrize(
    "path", ["/admin/orders/", "/metrics", "/flower/orders/", "/readyz", "/livez", "/", "/api/v2/x", "/static/orders/x"]
)
def test_what_is_not_for_the_public_is_not_there(gateway, path):
    problem(gateway.get(path), 404)


def test_malformed_json_a_wrong_type_and_a_large_body_are_refused(gateway):
    headers = {"Content-Type": "application/json"}
    problem(gateway.post("/api/v1/carts", content="{", headers=headers), 400, "parse_error")
    problem(
        gateway.post("/api/v1/carts", content='{"currency": 1, "currency": 2}', headers=headers), 400, "parse_error"
    )
    problem(gateway.post("/api/v1/carts", content="a=b"), 415)
    problem(gateway.post("/api/v1/carts", content=json.dumps({"x": "y" * 2_000_000}), headers=headers), 413)
    problem(gateway.post("/api/v1/carts", content="[" * 5000 + "]" * 5000, headers=headers), 400)


def test_an_unknown_filter_is_refused(gateway):
    document = problem(gateway.get("/api/v1/products?colour=red"), 400)
    assert document["errors"][0]["pointer"] == "#/colour"


def test_a_currency_without_a_price_list_names_those_served(gateway):
    document = problem(gateway.get("/api/v1/products?currency=CHF"), 400, "currency_not_served")
    assert re.search(r"EUR.*GBP.*JPY.*USD", document["detail"])


def test_a_forged_token_is_refused_by_every_service(gateway, new_shopper):
    mira = new_shopper(registered=True)
    token = mira.http.headers["Authorization"]
    forged = token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBB")
    for path in ("users/me", "orders", "notifications", "payments/00000000-0000-7000-8000-000000000000"):
        problem(gateway.get(f"/api/v1/{path}", headers={"Authorization": forged}), 401, "invalid_token")


def test_a_spoofed_header_makes_nobody_of_anybody(gateway):
    headers = {"X-User-Id": "1", "X-User-Roles": "admin", "X-Forwarded-User": "admin"}
    problem(gateway.get("/api/v1/staff/orders", headers=headers), 401)


def test_the_same_cart_from_two_places_needs_the_version(new_shopper):
    guest = new_shopper()
    cart = guest.open_cart(currency="EUR")
    guest.put(cart, TEE, 1)
    guest.put(cart, TEE, 2, expect=412)


def test_a_quote_for_a_changed_cart_is_refused(new_shopper):
    guest = new_shopper()
    cart = guest.put(guest.open_cart(currency="EUR"), TEE, 1)
    quote = guest.quote(cart, "DE", "EUR")
    guest.put(cart, TEE, 2)
    assert guest.check_out(quote, expect=409)["code"] == "quote_cart_changed"


def test_one_checkout_sent_twice_is_one_order(new_shopper):
    guest = new_shopper()
    quote = guest.quote(guest.put(guest.open_cart(currency="EUR"), TEE, 1), "DE", "EUR")
    assert guest.check_out(quote, key="twice")["id"] == guest.check_out(quote, key="twice")["id"]


def test_the_joined_api_document_and_its_page_are_served(gateway):
    assert gateway.get("/api/docs").status_code == 200
    document = gateway.get("/api/openapi.json").json()
    paths = set(document["paths"])
    assert {"/api/v1/auth/token", "/api/v1/products", "/api/v1/orders", "/api/v1/notifications"} <= paths


def test_a_request_carries_its_trace_through_the_answer(gateway):
    trace = "0af7651916cd43dd8448eb211c80319c"
    sent = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "X-Request-ID": "my-request-1"}
    answer = gateway.get("/api/v1/categories", headers=sent)
    assert answer.headers["X-Request-ID"] == "my-request-1"
    assert trace in answer.headers["traceparent"]


def test_the_services_see_the_shoppers_own_address(stack):
    from_elsewhere = httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.77"), timeout=10)
    url = f"{stack.layout.url('gateway')}/api/v1/shipping-methods?ship_to=DE"
    spoofed = {"X-Real-IP": "203.0.113.9", "X-Forwarded-For": "203.0.113.9"}
    assert from_elsewhere.get(url, headers=spoofed).status_code == 200
    orders_database = stack.variables["CELERY_BROKER_URL"].rsplit("/", 1)[0] + "/4"
    counted = redis.Redis.from_url(orders_database).keys("throttle:address:*")
    keys = {key.decode().rsplit(":", 1)[0] for key in counted}
    assert "throttle:address:127.0.0.77" in keys
    assert "throttle:address:203.0.113.9" not in keys
