"""The read model: the newest snapshot wins, in whatever order they come."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from orders.models import SellableItem, StockLevel
from outbox.testing import deliver

CATALOG = Path(__file__).parents[2] / "catalog" / "contracts" / "events"


@pytest.fixture
def item() -> dict:
    return json.loads((CATALOG / "crossborder.item.changed.v1.examples.json").read_text())[0]


def test_snapshots_out_of_order_leave_the_newest(db, item):
    for version, active in ((2, True), (3, False), (1, True), (3, True)):
        deliver("crossborder.item.changed.v1", {**item, "version": version, "active": active}, key=item["sku"])
    kept = SellableItem.objects.get()
    assert (kept.version, kept.active) == (3, False)


def test_levels_are_kept_the_same_way(db):
    for version, available in ((5, 9), (4, 2)):
        stock = [{"code": "NL-AMS", "country": "NL", "available": available}]
        deliver("crossborder.stock.level_changed.v1", {"sku": "A", "version": version, "warehouses": stock}, key="A")
    assert StockLevel.objects.get().warehouses[0]["available"] == 9
