"""An order's papers, the export, and what staff find."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connections
from django.utils import timezone
from orders.models import Invoice, Order, Quote
from orders.use_cases.invoices import invoice_of
from outbox.transactions import retry_conflicts

from tests.conftest import CONTACT, Shopper


def test_an_invoice_names_both_sides_each_line_with_its_code_and_origin_and_adds_up(paid, shopper):
    invoice = shopper.call("get", f"orders/{paid.id}/documents/invoice").json()
    assert invoice["number"] == f"{timezone.now().year}-00000001"
    assert (invoice["order_number"], invoice["currency"], invoice["incoterm"]) == (paid.number, "EUR", "DDP")
    assert invoice["seller"]["name"] == "Crossborder Trade"
    assert (invoice["buyer"]["name"], invoice["buyer"]["address"]["city"]) == ("Mira de Vries", "Berlin")
    line = invoice["lines"][0]
    assert (line["sku"], line["hs_code"], line["origin"], line["quantity"]) == ("COFFEE-1KG", "090121", "ET", 2)
    assert sum(charge["amount"]["amount_minor"] for charge in invoice["charges"]) == invoice["total"]["amount_minor"]
    assert shopper.call("get", f"orders/{paid.id}/documents/invoice").json() == invoice


def test_there_is_no_invoice_before_the_order_is_paid_nor_for_a_stranger(shopper, paid):
    unpaid = shopper.buy()
    refused = shopper.call("get", f"orders/{unpaid.id}/documents/invoice")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_invoiced_yet")
    assert Shopper(shopper.api, uuid4()).call("get", f"orders/{paid.id}/documents/invoice").status_code == 404
    assert not Invoice.objects.exists()


def test_invoice_numbers_have_no_gap_though_many_ask_at_once(shopper, pay):
    orders = [pay(shopper.buy("TEE-M", 1)) for _ in range(6)]

    def ask(order):
        try:
            return retry_conflicts(lambda: invoice_of(order=order, now=timezone.now())).number
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as pool:
        numbers = list(pool.map(ask, [order for order in orders for _ in range(6)]))
    for i in range(0, len(numbers), 6):
        assert len(set(numbers[i : i + 6])) == 1
    assert sorted({number.split("-")[1] for number in numbers}) == [f"{n:08d}" for n in range(1, 7)]


def test_a_customs_invoice_says_what_customs_ask_for_and_only_across_their_border(shopper, pay, paid):
    inside = shopper.call("get", f"orders/{paid.id}/documents/customs-invoice")
    assert (inside.status_code, inside.json()["code"]) == (404, "no_customs")
    place = {"country": "US", "region": "NY", "postal_code": "10001"}
    cart = shopper.open_cart()
    shopper.put(cart, "COFFEE-1KG", 2)
    quote = shopper.quote(cart, ship_to=place, currency="USD").json()["data"][0]
    home = {"name": "Ann", "line1": "1 Main St", "city": "New York", **place}
    order = pay(Order.objects.get(pk=shopper.check_out(quote, shipping_address=home).json()["id"]))
    paper = shopper.call("get", f"orders/{order.id}/documents/customs-invoice").json()
    line = paper["lines"][0]
    assert (line["hs_code"], line["origin"], line["weight_g"], line["quantity"]) == ("090121", "ET", 2000, 2)
    assert (paper["total_value"]["amount_minor"], paper["total_customs_value"]["amount_minor"]) == (5200, 5200)
    assert (paper["total_weight_g"], paper["consignee"]["country"]) == (2000, "US")


def rows_of(answer) -> list[dict[str, str]]:
    assert answer["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(StringIO(b"".join(answer.streaming_content).decode())))


def test_the_export_has_the_callers_orders_and_runs_no_formula(shopper, staff, pay, monkeypatch):
    monkeypatch.setattr("orders.api.documents.CHUNK", 2)
    for name in ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "Mira"):
        cart = shopper.open_cart()
        shopper.put(cart, "TEE-M", 1)
        shopper.check_out(shopper.quote(cart).json()["data"][0], contact={**CONTACT, "name": name})
    Shopper(shopper.api, uuid4()).buy()
    rows = rows_of(shopper.call("get", "orders/export"))
    assert [row["number"] for row in rows] == list(
        Order.objects.filter(user_id=shopper.user_id).order_by("-placed_at", "-id").values_list("number", flat=True)
    )
    assert len(rows) == 6
    assert all(row["name"][0] not in "=+-@\t\r" for row in rows)
    assert rows[0]["total"] == f"{Order.objects.get(number=rows[0]['number']).total_minor / 100:.2f}"
    assert shopper.api.get("/api/v1/orders/export").status_code == 401


def test_staff_find_orders_by_email_and_time(shopper, staff, paid):
    other = Shopper(shopper.api, uuid4())
    cart = other.open_cart()
    other.put(cart, "TEE-M", 1)
    late = other.check_out(other.quote(cart).json()["data"][0], contact={**CONTACT, "email": "Else@Example.com"}).json()
    Order.objects.filter(pk=paid.pk).update(placed_at=timezone.now() - timedelta(days=3))
    found = lambda query: [row["id"] for row in staff.call("get", f"staff/orders?{query}").json()["data"]]  # noqa: E731
    assert found("email=else@example.COM") == [late["id"]]
    yesterday = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert found(f"placed_from={yesterday}") == [late["id"]]
    assert found(f"placed_to={yesterday}") == [str(paid.id)]
    assert staff.call("get", "staff/orders?emial=x").status_code == 400


def test_a_timeline_names_the_event_or_person_behind_each_entry_to_staff_alone(shopper, staff, say):
    order = shopper.buy()
    event_id = str(uuid4())
    say(order, "stock.reserved", event_id=event_id)
    staff.call("post", f"staff/orders/{order.id}/holds/review", If_Match="*")
    shopper.call("post", f"orders/{order.id}/cancel", {})
    entries = staff.call("get", f"staff/orders/{order.id}/timeline").json()["data"]
    assert [(entry["kind"], entry["cause"]) for entry in entries] == [
        ("placed", f"user:{shopper.user_id}"),
        ("stock reserved", f"event:{event_id}"),
        ("held", f"staff:{staff.user_id}"),
        ("cancelled by a person", f"user:{shopper.user_id}"),
    ]
    assert "cause" not in shopper.call("get", f"orders/{order.id}/timeline").json()["data"][0]


def test_what_staff_note_beside_a_refund_is_for_staff(paid, shopper, staff):
    staff.refund(paid, amount={"amount_minor": 5, "currency": "EUR"}, comment="a nuisance")
    own = shopper.call("get", f"orders/{paid.id}/timeline").json()["data"][-1]
    assert (own["kind"], own["detail"]["reason"], "comment" in own["detail"]) == ("refund requested", "goodwill", False)
    theirs = staff.call("get", f"staff/orders/{paid.id}/timeline").json()["data"][-1]
    assert theirs["detail"]["comment"] == "a nuisance"


def test_every_answer_takes_at_most_six_statements_whatever_happened(paid, staff, shopper, statements):
    staff.ship(paid, {1: 1})
    lines = [{"line_id": 1, "quantity": 1}]
    shopper.call("post", f"orders/{paid.id}/returns", {"lines": lines}, Idempotency_Key="k")
    staff.cancel_rest(paid)
    shopper.call("get", f"orders/{paid.id}/documents/invoice")
    own = ("", "/timeline", "/documents/invoice")
    paths = [(shopper, f"orders/{paid.id}{path}") for path in own]
    filters = ("to_ship", "held", "refund_failed", "return_requested")
    paths += [(staff, f"staff/orders?{name}=true") for name in filters]
    paths += [(staff, "staff/returns"), (staff, f"staff/orders/{paid.id}"), (staff, "staff/coupons")]
    for who, path in paths:
        with statements() as run:
            assert who.call("get", path).status_code == 200
        assert len(run) <= 6, (path, run)


@pytest.mark.parametrize("state", ["pending_stock", "awaiting_payment", "paid", "partially_shipped", "shipped"])
def test_every_state_is_explained(shopper, say, pay, staff, capsys, state):
    order = shopper.buy()
    if state == "awaiting_payment":
        say(order, "stock.reserved")
    elif state != "pending_stock":
        pay(order)
        if state != "paid":
            staff.ship(order, {1: 1})
        if state == "shipped":
            staff.cancel_rest(order)
    call_command("explain_order", order.number)
    explained = capsys.readouterr().out
    assert f"is {state}" in explained
    expected = {
        "pending_stock": ["Catalog owes", "It expires at"],
        "awaiting_payment": ["The shopper has not paid"],
        "paid": ["a warehouse may ship it"],
        "partially_shipped": ["A warehouse owes the rest"],
        "shipped": ["The carrier owes", "1 of 2 units were cancelled", "is requested: payments owes payment.refunded"],
    }[state]
    assert all(words in explained for words in expected), explained


def test_a_return_and_a_failed_refund_are_explained(paid, shopper, staff, say, capsys):
    staff.ship(paid, {1: 2})
    lines = [{"line_id": 1, "quantity": 1}]
    asked = shopper.call("post", f"orders/{paid.id}/returns", {"lines": lines}, Idempotency_Key="k").json()
    back = asked["returns"][0]["id"]
    call_command("explain_order", paid.number)
    assert f"Return {back} is requested: support owes a decision" in capsys.readouterr().out
    staff.decide(back, "approve")
    refund = staff.receive(back, {1: (1, 1)}).json()["refunds"][0]
    amount = {name: refund["amount"][name] for name in ("amount_minor", "currency")}
    say(paid, "payment.refund_failed", refund_id=refund["refund_id"], amount=amount)
    call_command("explain_order", paid.number)
    explained = capsys.readouterr().out
    assert "is failed: a person owes a retry" in explained
    assert f"Return {back} is received: payments owes the refund" in explained


def test_an_old_quote_without_terms_and_codes_still_makes_an_order_and_an_invoice(shopper, pay):
    order = pay(shopper.buy())
    lines = [
        {
            k: v
            for k, v in line.items()
            if k not in ("hs_code", "origin", "weight_g", "customs_value_minor", "discount_minor")
        }
        for line in order.quote.lines
    ]
    Quote.objects.filter(pk=order.quote_id).update(lines=lines, return_terms=None)
    assert shopper.call("get", f"orders/{order.id}/documents/invoice").json()["lines"][0]["hs_code"] is None
    assert shopper.call("get", f"orders/{order.id}").json()["return_terms"] == {
        "window_days": 14,
        "refunds": ["goods", "tax"],
    }
    assert shopper.call("get", f"quotes/{order.quote_id}").json()["lines"][0]["discount"]["amount_minor"] == 0
