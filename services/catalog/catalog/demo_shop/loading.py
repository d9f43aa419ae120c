"""Filling the shop from the files in `demo/`: categories, products, pictures and a first stock; idempotent."""

from __future__ import annotations

import hashlib
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction

from catalog.demo_shop.drawings import SIZE, draw
from catalog.domain.reservations import Move
from catalog.models import (
    Category,
    LoadedFolder,
    Media,
    Price,
    Product,
    ProductText,
    Restriction,
    Stock,
    Variant,
    Warehouse,
)
from catalog.models.products import LANGUAGES
from catalog.use_cases import stock
from catalog.use_cases.items import publish_changes

WAREHOUSES = {"NL-AMS": ("NL", "Amsterdam"), "JP-TYO": ("JP", "Tokyo")}
TAX_INCLUDED = {"EUR": "NL", "GBP": "GB", "JPY": "JP", "USD": None}


def load(folder: Path, *, now: datetime) -> int:
    """Load what the folder holds, unless this very content is loaded; returns how many products were written.

    A product is made what its file says, stock is only given to SKUs that a warehouse does not keep yet.
    """
    digest = _digest(folder)
    if LoadedFolder.objects.filter(name="demo", sha256=digest).exists():
        return 0
    words = _read(folder / "words.toml")
    products = [product for path in sorted((folder / "products").glob("*.toml")) for product in _read(path)["product"]]
    with transaction.atomic(savepoint=False):
        for code, (country, name) in WAREHOUSES.items():
            Warehouse.objects.update_or_create(code=code, defaults={"country": country, "name": name})
        shelves = _categories(_read(folder / "categories.toml")["category"])
    for position, product in enumerate(products):
        with transaction.atomic(savepoint=False):
            _product(product, shelves[product["category"]], words, now=now, position=position)
    LoadedFolder.objects.update_or_create(name="demo", defaults={"sha256": digest})
    return len(products)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in [*sorted(folder.rglob("*.toml")), *sorted(Path(__file__).parent.glob("*.py"))]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


def _categories(rows: list[dict[str, Any]]) -> dict[str, Category]:
    """Categories by slug; parents come before their children in the file."""
    shelves: dict[str, Category] = {}
    for position, row in enumerate(rows):
        parent = shelves[row["parent"]] if "parent" in row else None
        path = f"{parent.path if parent else '/'}{row['slug']}/"
        names = {language: row[language] for language in LANGUAGES}
        fields = {"parent": parent, "path": path, "names": names, "position": position}
        shelves[row["slug"]], _ = Category.objects.update_or_create(slug=row["slug"], defaults=fields)
    return shelves


def _product(row: dict[str, Any], shelf: Category, words: dict, *, now: datetime, position: int) -> None:
    fields = {"category": shelf, "brand": row["brand"], "attributes": row.get("attributes", {}), "status": "active"}
    product, _ = Product.objects.update_or_create(slug=row["slug"], defaults=fields)
    for language in LANGUAGES:
        text = {"title": row["title"][language], "description": row["description"][language]}
        ProductText.objects.update_or_create(product=product, language=language, defaults=text)
    product.restrictions.all().delete()
    Restriction.objects.bulk_create(
        Restriction(product=product, country=country, reason=reason)
        for country, reason in row.get("restrictions", {}).items()
    )
    for place, variant in enumerate(row["variants"]):
        _variant(product, {**row, **variant}, words, place)
    _picture(product, row)
    publish_changes(product)
    for variant in row["variants"]:
        _first_stock(variant["sku"], variant["stock"], now=now)


def _variant(product: Product, row: dict[str, Any], words: dict, place: int) -> None:
    options = {name: str(value) for name, value in row.get("options", {}).items()}
    labels = {
        language: ", ".join(words.get(value, {}).get(language, value) for value in options.values())
        for language in LANGUAGES
        if options
    }
    fields = {
        "product": product,
        "labels": labels,
        "options": options,
        "hs_code": row["hs_code"],
        "origin": row["origin"],
        "proof_of_origin": row.get("proof_of_origin", False),
        "weight_g": row["weight_g"],
        "duty_units": row.get("duty_units", {}),
        "position": place,
        "active": True,
    }
    variant, _ = Variant.objects.update_or_create(sku=row["sku"], defaults=fields)
    prices = [
        Price(variant=variant, currency=currency, amount_minor=amount, tax_included_country=TAX_INCLUDED[currency])
        for currency, amount in row["prices"].items()
    ]
    Price.objects.bulk_create(prices, update_conflicts=True, update_fields=["amount_minor", "tax_included_country"])


def _picture(product: Product, row: dict[str, Any]) -> None:
    picture = draw(**row["picture"])
    digest = hashlib.sha256(picture).hexdigest()
    if product.media.filter(sha256=digest).exists():
        return
    for old in product.media.all():
        old.file.delete(save=False)
        old.delete()
    media = Media(product=product, sha256=digest, alt=row["title"], width=SIZE, height=SIZE)
    media.file.save(f"{product.slug}-{digest[:8]}.png", ContentFile(picture), save=False)
    media.save()


def _first_stock(sku: str, units: list[int], *, now: datetime) -> None:
    for warehouse, quantity in zip(WAREHOUSES, units, strict=False):
        kept = Stock.objects.filter(variant_id=sku, warehouse_id=warehouse)
        if not kept.exists():
            Stock.objects.create(variant_id=sku, warehouse_id=warehouse)
            if quantity:
                stock.move([Move(sku, warehouse, on_hand=quantity)], reason="received", reference="demo", now=now)
