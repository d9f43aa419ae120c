"""The demo shop loads, loads again without a change, and all of it can be bought from and quoted."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from catalog.demo_shop.loading import TAX_INCLUDED
from catalog.models import Media, Price, Product, Stock, StockMovement, Variant
from django.core.management import call_command
from outbox.testing import capture_events

PINNED = {"COFFEE-SIDAMO-1KG", "TEE-ORGANIC-BLACK-M", "KNIFE-SANTOKU-170", "POSTER-LAST-ONE", "MUG-DELFT-300ML"}
REFERENCE = Path(__file__).parents[2] / "orders" / "reference"


@pytest.fixture
def shop(api):
    call_command("load_demo", verbosity=0)
    return api


def test_the_demo_shop_loads_once_and_tells_the_others(api):
    with capture_events() as events:
        call_command("load_demo", verbosity=0)
    skus = set(Variant.objects.values_list("sku", flat=True))
    assert {event.data["sku"] for event in events} == skus >= PINNED
    assert StockMovement.objects.filter(reason="received").count() > 100
    with capture_events() as events:
        call_command("load_demo", verbosity=0)
    assert not events


def test_an_unchanged_shop_costs_one_statement(shop, statements):
    with statements() as run:
        call_command("load_demo", verbosity=0)
    assert len(run) == 1


def test_loading_a_changed_file_never_gives_stock_twice(shop):
    from catalog.models import LoadedFolder

    before = list(Stock.objects.order_by("pk").values("pk", "on_hand"))
    LoadedFolder.objects.update(sha256="older")
    call_command("load_demo", verbosity=0)
    assert list(Stock.objects.order_by("pk").values("pk", "on_hand")) == before
    assert Media.objects.count() == Product.objects.count()


def test_there_is_something_for_everybody(shop):
    products = Product.objects.prefetch_related("texts", "variants__prices", "restrictions", "media")
    assert len(products) >= 60
    for product in products:
        texts = {text.language: text for text in product.texts.all()}
        assert set(texts) == {"en", "de", "ja"}, product.slug
        assert all(text.title and text.description for text in texts.values()), product.slug
        assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", texts["ja"].description), product.slug
        assert len(product.media.all()) == 1, product.slug
        unserved = {"GB": "GBP"}.items() & {(each.country, "GBP") for each in product.restrictions.all()}
        for variant in product.variants.all():
            listed = {price.currency for price in variant.prices.all()}
            assert listed == set(TAX_INCLUDED) - {currency for _, currency in unserved}, variant.sku
    assert Price.objects.filter(currency="USD").exclude(tax_included_country=None).count() == 0


def test_the_last_poster_is_one_and_only_in_amsterdam(shop):
    row = Stock.objects.get(variant_id="POSTER-LAST-ONE")
    assert (row.on_hand, row.warehouse_id) == (1, "NL-AMS")
    assert Variant.objects.get(pk="POSTER-LAST-ONE").hs_code.startswith("491191")


def test_every_item_meets_a_base_rate_in_every_market(shop):
    """But for the poster, whose heading the demo's duty tables know in the United States and Kuwait alone."""
    skus = Variant.objects.exclude(pk="POSTER-LAST-ONE").values_list("sku", "hs_code")
    for destination in ("eu", "gb", "us", "in", "jp", "kw"):
        prefixes = base_prefixes(destination)
        assert [sku for sku, hs_code in skus if not hs_code.startswith(prefixes)] == [], destination
    with (REFERENCE / "us-duty-rates.csv").open() as file:
        known = {row["hs_code"] for row in csv.DictReader(file)}
    assert {hs_code for _, hs_code in skus if len(hs_code) == 10} <= known


def base_prefixes(destination: str) -> tuple[str, ...]:
    with (REFERENCE / f"duty-rates-{destination}.csv").open() as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        bases = [row["hs_prefix"].split() or [""] for row in rows if row["layer"] == "base"]
    return tuple(prefix for prefixes in bases for prefix in prefixes)


def test_the_shop_window_in_japanese(shop):
    query = {"currency": "JPY", "q": "煎茶", "ship_to": "JP"}
    answer = shop.get("/api/v1/products", query, headers={"Accept-Language": "ja"}).json()
    assert [product["title"] for product in answer["data"]] == ["宇治煎茶 一番茶 100g"]
    assert answer["data"][0]["picture"]["alt"] == "宇治煎茶 一番茶 100g"
