"""What catalog's tests share: a small shop, its stock, and orders' events about it."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from auth_jwt.testing import bearer
from catalog.models import Category, Price, Product, ProductText, Stock, Variant, Warehouse
from catalog.use_cases import stock as stock_use_cases
from catalog.use_cases.items import publish_changes
from django.db import transaction
from django.utils import timezone
from outbox.testing import deliver


@pytest.fixture(autouse=True)
def media_folder(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def warehouses(db) -> None:
    Warehouse.objects.create(code="NL-AMS", country="NL", name="Amsterdam")
    Warehouse.objects.create(code="JP-TYO", country="JP", name="Tokyo")


@pytest.fixture
def make_product(warehouses):
    """`make_product("TEE", stock={"NL-AMS": 10})`: an active product with one variant, priced and in stock."""

    def make(sku: str, *, stock: dict[str, int] | None = None, shelf: str = "things", **fields) -> Product:
        category, _ = Category.objects.get_or_create(
            slug=shelf, defaults={"path": f"/{shelf}/", "names": {"en": shelf}}
        )
        titles = fields.pop("titles", {"en": sku.title()})
        prices = fields.pop("prices", {"EUR": 1000, "USD": 1100})
        options = fields.pop("options", {})
        product = Product.objects.create(slug=sku.lower(), category=category, status="active", **fields)
        for language, title in titles.items():
            ProductText.objects.create(product=product, language=language, title=title, description=f"About {title}")
        variant = Variant.objects.create(
            sku=sku, product=product, weight_g=100, hs_code="610910", origin="PT", options=options
        )
        for currency, amount in prices.items():
            tax = "NL" if currency == "EUR" else None
            Price.objects.create(variant=variant, currency=currency, amount_minor=amount, tax_included_country=tax)
        with transaction.atomic():
            publish_changes(product)
        for code, units in (stock or {}).items():
            Stock.objects.create(variant=variant, warehouse_id=code)
            if units:
                receive(sku, units, code)
        return product

    return make


def receive(sku: str, units: int, warehouse: str = "NL-AMS") -> None:
    stock_use_cases.adjust_stock(
        sku=sku, warehouse=warehouse, delta=units, reason="received", comment="", by="test", now=timezone.now()
    )


class Orders:
    """Speaks as the orders service does about one order; every event has its own id unless `event_id` is given."""

    def __init__(self, lines: list[tuple[str, int]], warehouse: str = "NL-AMS"):
        self.id, self.number = str(uuid4()), f"CB-{uuid4().int % 10**10:010d}"
        self.lines = [
            {"line_id": line_id, "sku": sku, "quantity": quantity, "warehouse": warehouse}
            for line_id, (sku, quantity) in enumerate(lines, start=1)
        ]

    def say(self, name: str, event_id=None, now=None, **data) -> bool:
        reference = {"order_id": self.id, "order_number": self.number, "user_id": None}
        return deliver(f"crossborder.order.{name}.v1", {**reference, **data}, key=self.id, id=event_id, now=now)

    def placed(self, *, repeat: int = 0, **envelope) -> bool:
        expires_at = (timezone.now() + timedelta(minutes=30)).isoformat()
        return self.say("placed", lines=self.lines, expires_at=expires_at, repeat=repeat, **envelope)

    def confirmed(self, *, repeat: int = 0, **envelope) -> bool:
        return self.say("confirmed", payment_id=str(uuid4()), repeat=repeat, **envelope)

    def closed(self, name: str = "cancelled", **envelope) -> bool:
        return self.say(name, reason="buyer", lines=[], **envelope)

    def shipped(self, units: dict[int, int] | None = None, shipment_id: str | None = None, **envelope) -> bool:
        lines = [
            {**line, "quantity": (units or {}).get(line["line_id"], line["quantity"])}
            for line in self.lines
            if units is None or line["line_id"] in units
        ]
        parcel = {"carrier": "PostNL", "tracking_number": None, "shipment_id": shipment_id or str(uuid4())}
        return self.say("shipped", lines=lines, **parcel, **envelope)


@pytest.fixture
def order():
    return Orders


def levels(sku: str, warehouse: str = "NL-AMS") -> tuple[int, int, int]:
    """On hand, held, committed."""
    row = Stock.objects.get(variant_id=sku, warehouse_id=warehouse)
    return row.on_hand, row.held, row.committed


@pytest.fixture
def staff_headers() -> dict[str, str]:
    return bearer(uuid4(), ["catalog"])
