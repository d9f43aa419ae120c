"""What orders' tests share: a shop with three items, its rules, people, and an order at any point of its life."""

from __future__ import annotations

from uuid import uuid4

import pytest
from auth_jwt.testing import bearer
from django.core.management import call_command
from orders.models import (
    DeMinimis,
    DutyRate,
    ExchangeRate,
    Fee,
    Order,
    ReturnPolicy,
    RuleBook,
    SellableItem,
    ShippingMethod,
    ShippingRate,
    StockLevel,
    TaxRate,
    Territory,
)
from outbox.testing import deliver
from rest_framework.response import Response

ITEMS = {  # sku: title, HS code, origin, grams, price by currency
    "COFFEE-1KG": ("Coffee beans", "090121", "ET", 1000, {"EUR": 2450, "USD": 2600, "GBP": 2150, "JPY": 3900}),
    "TEE-M": ("T-shirt", "610910", "PT", 200, {"EUR": 2900, "USD": 3100, "GBP": 2500, "JPY": 4600}),
    "KNIFE-170": ("Santoku knife", "821192", "JP", 350, {"EUR": 11900, "USD": 12900, "JPY": 19800}),
}
HOME = {
    "name": "Mira de Vries",
    "line1": "Torstraße 1",
    "city": "Berlin",
    "postal_code": "10119",
    "country": "DE",
}
CONTACT = {"email": "mira@example.com", "name": "Mira de Vries"}


RULE_TABLES = [
    *(Territory, TaxRate, DutyRate, DeMinimis, Fee, ShippingMethod, ShippingRate, ReturnPolicy, ExchangeRate, RuleBook)
]


@pytest.fixture(scope="session")
def rules() -> dict:
    """The demo's landed-cost rules once they were imported, without the duties on what we do not sell."""
    return {}


@pytest.fixture
def landed_cost_rules(db, rules) -> None:
    if rules:
        for table, rows in rules.items():
            table.objects.bulk_create(rows)
        return
    call_command("load_demo", verbosity=0)
    sold = {hs_code[:length] for _, hs_code, *_ in ITEMS.values() for length in range(11)}
    for table in RULE_TABLES:
        rows = table.objects.filter(hs_prefix__in=sold) if table is DutyRate else table.objects.all()
        rules[table] = list(rows)


@pytest.fixture
def shop(landed_cost_rules) -> None:
    """Three items in stock at Amsterdam, the knife in Tokyo too, and the demo's landed-cost rules."""
    for sku, (title, hs_code, origin, weight, prices) in ITEMS.items():
        SellableItem.objects.create(
            sku=sku,
            version=1,
            active=True,
            titles={"en": title, "de": f"{title} (de)"},
            prices=[
                {
                    "amount_minor": amount,
                    "currency": currency,
                    "tax_included_country": "NL" if currency == "EUR" else None,
                }
                for currency, amount in prices.items()
            ],
            hs_code=hs_code,
            origin=origin,
            weight_g=weight,
        )
        warehouses = [{"code": "NL-AMS", "country": "NL", "available": 50}]
        if sku.startswith("KNIFE"):
            warehouses.append({"code": "JP-TYO", "country": "JP", "available": 50})
        StockLevel.objects.create(sku=sku, version=1, warehouses=warehouses)


class Shopper:
    """A user or (without an id) a guest, as the API knows them."""

    def __init__(self, api, user_id=None):
        self.api, self.user_id = api, user_id
        self.headers = bearer(user_id) if user_id else {}

    def call(self, method: str, path: str, body=None, **headers) -> Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**self.headers, **names}
        return getattr(self.api, method)(f"/api/v1/{path}", body, headers=sent)

    def open_cart(self, **body) -> dict:
        answer = self.call("post", "carts", body)
        if "Cart-Token" in answer:
            self.headers["Cart-Token"] = answer["Cart-Token"]
        return answer.json()

    def put(self, cart: dict, sku: str, quantity: int) -> Response:
        return self.call("put", f"carts/{cart['id']}/items/{sku}", {"quantity": quantity}, If_Match="*")

    def put_coupon(self, cart: dict, code: str) -> Response:
        return self.call("put", f"carts/{cart['id']}/coupon", {"code": code}, If_Match="*")

    def quote(self, cart: dict | None = None, **wanted) -> Response:
        what = {"cart_id": cart["id"]} if cart else {}
        place = {"country": "DE", "postal_code": "10119"}
        return self.call("post", "quotes", {**what, "ship_to": place, "currency": "EUR", **wanted})

    def check_out(self, quote: dict, key: str | None = None, **changes) -> Response:
        body = {"quote_id": quote["id"], "contact": CONTACT, "shipping_address": HOME, **changes}
        answer = self.call("post", "orders", body, Idempotency_Key=key or uuid4().hex)
        if "Order-Token" in answer:
            self.headers["Order-Token"] = answer["Order-Token"]
        return answer

    def buy(self, sku: str = "COFFEE-1KG", quantity: int = 2, *, coupon: str = "", **also: int) -> Order:
        """An order for this and `also` (T-shirts, knives): `buy("COFFEE-1KG", 2, tees=3)`."""
        cart = self.open_cart()
        assert self.put(cart, sku, quantity).status_code == 200
        for other, units in also.items():
            assert self.put(cart, {"tees": "TEE-M", "knives": "KNIFE-170"}[other], units).status_code == 200
        if coupon:
            assert self.put_coupon(cart, coupon).status_code == 200
        answer = self.check_out(self.quote(cart).json()["data"][0])
        assert answer.status_code == 202, answer.json()
        return Order.objects.get(pk=answer.json()["id"])


@pytest.fixture
def shopper(api, shop) -> Shopper:
    return Shopper(api, uuid4())


@pytest.fixture
def guest(api, shop) -> Shopper:
    return Shopper(api)


@pytest.fixture
def say():
    """Deliver an event about an order, as the consumer would: `say(order, "stock.reserved")`."""

    def deliver_about(order: Order, name: str, **data) -> bool:
        reference = {"order_id": str(order.id), "order_number": order.number, "user_id": None}
        if name.startswith("payment."):
            reference["payment_id"] = str(order.payment_id)
        extra = {}
        if name.startswith("stock.") and "lines" not in data:
            extra = {"lines": [line.units(line.quantity) for line in order.lines.all()]}
        event_id = data.pop("event_id", None)
        return deliver(f"crossborder.{name}.v1", {**reference, **extra, **data}, key=order.id, id=event_id)

    return deliver_about


@pytest.fixture
def pay(say):
    """`pay(order)`: all that stock and payments say until it is paid."""

    def until_paid(order: Order) -> Order:
        for name in ("stock.reserved", "payment.authorized", "stock.committed", "payment.captured"):
            say(order, name)
        order.refresh_from_db()
        assert order.state == "paid"
        return order

    return until_paid


@pytest.fixture
def paid(shopper, pay) -> Order:
    """An order that went all the way to paid."""
    return pay(shopper.buy())


def state_of(order: Order) -> str:
    return Order.objects.get(pk=order.pk).state


def said(events) -> list[str]:
    return [event.type.removeprefix("crossborder.order.").removesuffix(".v1") for event in events]


class Staff(Shopper):
    """Staff with every role and a fresh login."""

    def ship(self, order: Order, units: dict[int, int]) -> Response:
        lines = [{"line_id": line_id, "quantity": quantity} for line_id, quantity in units.items()]
        parcel = {"lines": lines, "carrier": "PostNL", "tracking_number": "3SABC"}
        return self.call("post", f"staff/orders/{order.id}/shipments", parcel, If_Match="*")

    def deliver(self, order: Order) -> None:
        for shipment in order.shipments.filter(delivered_at=None):
            assert self.call("post", f"staff/shipments/{shipment.pk}/delivery").status_code == 200

    def cancel_rest(self, order: Order, **body) -> Response:
        return self.call("post", f"staff/orders/{order.id}/line-cancellations", body, If_Match="*")

    def refund(self, order: Order, key: str | None = None, **body) -> Response:
        wanted = {"reason": "goodwill", **body}
        key = key or uuid4().hex
        return self.call("post", f"staff/orders/{order.id}/refunds", wanted, If_Match="*", Idempotency_Key=key)

    def decide(self, return_id: str, what: str, **body) -> Response:
        return self.call("post", f"staff/returns/{return_id}/{what}", body, If_Match="*")

    def receive(self, return_id: str, lines: dict[int, tuple[int, int]]) -> Response:
        came = [
            {"line_id": line_id, "quantity": quantity, "restock_quantity": fit}
            for line_id, (quantity, fit) in lines.items()
        ]
        return self.decide(return_id, "receive", lines=came)


@pytest.fixture
def staff(api, shop) -> Staff:
    person = Staff(api, uuid4())
    person.headers = bearer(person.user_id, ["admin"])
    return person
