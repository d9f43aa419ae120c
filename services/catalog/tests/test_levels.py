"""What the others are told: levels at most once a second, items with every change, versions that only grow."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from catalog.models import Restriction, Stock
from catalog.tasks import publish_levels
from catalog.use_cases import levels
from catalog.use_cases.items import publish_changes
from django.core.management import call_command
from django.db import connections, transaction
from django.utils import timezone
from outbox.testing import capture_events

from tests.conftest import Orders


def test_a_level_is_told_once_for_all_that_changed_since(make_product):
    make_product("TEE", stock={"NL-AMS": 10, "JP-TYO": 0})
    for _ in range(3):
        Orders([("TEE", 1)]).placed()
    with capture_events() as events:
        assert publish_levels() == 1
        assert publish_levels() == 0
    assert events[0].key == "TEE"
    assert events[0].data == {
        "sku": "TEE",
        "version": 1,
        "warehouses": [
            {"code": "JP-TYO", "country": "JP", "available": 0},
            {"code": "NL-AMS", "country": "NL", "available": 7},
        ],
    }


def test_a_level_waits_for_its_second(make_product):
    make_product("TEE", stock={"NL-AMS": 10})
    now = timezone.now()
    levels.publish_level(sku="TEE", now=now)
    Orders([("TEE", 1)]).placed()
    assert levels.changed_skus(now=now + timedelta(seconds=0.5)) == []
    assert levels.changed_skus(now=now + timedelta(seconds=1.5)) == ["TEE"]


def test_what_did_not_change_is_not_told(make_product):
    make_product("TEE", stock={"NL-AMS": 10})
    make_product("MUG", stock={"NL-AMS": 1})
    publish_levels()
    Orders([("MUG", 2)]).placed()  # rejected
    Orders([("TEE", 1)]).placed()
    assert levels.changed_skus(now=timezone.now() + timedelta(seconds=2)) == ["TEE"]


def test_two_sweeps_at_once_tell_it_once_each_version(make_product):
    make_product("TEE", stock={"NL-AMS": 10})

    def sweep() -> bool:
        try:
            return levels.publish_level(sku="TEE", now=timezone.now())
        finally:
            connections.close_all()

    with capture_events() as events, ThreadPoolExecutor(4) as pool:
        told = [done.result() for done in [pool.submit(sweep) for _ in range(8)]]
    assert told.count(True) == len(events) == 1


def test_every_change_of_an_item_is_a_whole_snapshot_with_a_higher_version(make_product):
    product = make_product("TEE", titles={"en": "T-shirt", "ja": "Tシャツ"})
    Restriction.objects.create(product=product, country="GB", reason="Not there.")
    with capture_events() as events, transaction.atomic():
        publish_changes(product)
    assert events[0].key == "TEE"
    item = events[0].data
    assert (item["version"], item["active"], item["titles"]) == (2, True, {"en": "T-shirt", "ja": "Tシャツ"})
    assert item["prices"][0] == {"amount_minor": 1000, "currency": "EUR", "tax_included_country": "NL"}
    assert item["restrictions"] == [{"country": "GB", "reason": "Not there."}]


def test_snapshots_are_said_again_on_demand(make_product):
    make_product("TEE", stock={"NL-AMS": 10})
    make_product("MUG", stock={"NL-AMS": 1})
    publish_levels()
    with capture_events() as events:
        call_command("republish_snapshots", verbosity=0)
    assert sorted((event.type.split(".")[1], event.key, event.data["version"]) for event in events) == [
        ("item", "MUG", 2),
        ("item", "TEE", 2),
        ("stock", "MUG", 2),
        ("stock", "TEE", 2),
    ]
    assert not Stock.objects.filter(level_changed=True).exists()
