"""The demo shop loads, loads again without a change, and can be bought from."""

from __future__ import annotations

from catalog.models import Product, Stock, StockMovement, Variant
from django.core.management import call_command
from outbox.testing import capture_events

PINNED = {"COFFEE-SIDAMO-1KG", "TEE-ORGANIC-BLACK-M", "KNIFE-SANTOKU-170", "POSTER-LAST-ONE", "MUG-DELFT-300ML"}


def test_the_demo_shop_loads_once_and_tells_the_others(api):
    with capture_events() as events:
        call_command("load_demo", verbosity=0)
    assert {event.data["sku"] for event in events} == set(Variant.objects.values_list("sku", flat=True))
    assert set(Variant.objects.values_list("sku", flat=True)) >= PINNED
    assert Stock.objects.get(variant_id="POSTER-LAST-ONE").on_hand == 1
    with capture_events() as events:
        call_command("load_demo", verbosity=0)
    assert not events
    listed = api.get("/api/v1/products", {"currency": "JPY", "limit": 100}).json()
    assert len(listed["data"]) == Product.objects.count()
    assert StockMovement.objects.filter(reason="received").count() > 5
