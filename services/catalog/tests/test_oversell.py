"""Invariant I2 under real concurrency: many shoppers, few units, never one too many promised."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random

import pytest
from catalog.models import Discrepancy, Reservation, ReservationLine, Stock, StockMovement
from catalog.tasks import audit_invariants
from catalog.use_cases.write_offs import write_off
from chassis.problems import Conflict
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.models import Sum
from django.utils import timezone
from outbox.transactions import retry_conflicts

from tests.conftest import Orders, levels

WORKERS, SHOPPERS = 8, 200


def together(jobs) -> None:
    def run(job):
        try:
            return job()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WORKERS) as pool:
        for done in [pool.submit(run, job) for job in jobs]:
            done.result()


def test_200_shoppers_for_10_units_get_10(make_product):
    make_product("TEE", stock={"NL-AMS": 10})
    together([Orders([("TEE", 1)]).placed for _ in range(SHOPPERS)])
    assert levels("TEE") == (10, 10, 0)
    assert Reservation.objects.filter(state="held").count() == 10
    assert Reservation.objects.filter(state="rejected").count() == SHOPPERS - 10
    assert audit_invariants() == 0


def test_200_shoppers_for_10_units_with_cancels_expiries_and_write_offs_between_and_every_unit_is_accounted_for(
    make_product,
):
    """Whatever the order of things: on hand is what was received, less what left, less what was written off."""
    make_product("TEE", stock={"NL-AMS": 10})
    random, lost, shipped = Random(11), [], []

    def shop(fate: float) -> None:
        order = Orders([("TEE", 1)])
        order.placed()
        if fate < 0.35:
            order.closed("expired")
        elif fate < 0.6:
            order.confirmed()
            order.closed("cancelled")
        elif fate < 0.75:
            order.confirmed()
            if Reservation.objects.get(pk=order.id).state == "committed":
                order.shipped()
                shipped.append(order)
        elif fate < 0.9:
            order.confirmed()

    def damage() -> None:
        wrong = {"sku": "TEE", "warehouse": "NL-AMS", "units": 1, "reason": "damaged", "comment": "", "by": "test"}
        try:
            retry_conflicts(lambda: write_off(**wrong, now=timezone.now()))
            lost.append(1)
        except Conflict as refused:
            assert refused.code == "stock_missing"

    jobs = [partial(shop, random.random()) for _ in range(SHOPPERS)] + [damage] * 4
    random.shuffle(jobs)
    together(jobs)
    assert audit_invariants() == 0
    on_hand, held, committed = levels("TEE")
    gone_without_hold = sum(Discrepancy.objects.filter(kind="shipment").values_list("quantity", flat=True))
    assert 10 - len(lost) - len(shipped) <= on_hand <= 10 - len(lost) - len(shipped) + gone_without_hold
    assert 0 <= held + committed <= on_hand
    open_units = sum(
        line.facts().open for line in ReservationLine.objects.filter(reservation__state__in=["held", "committed"])
    )
    assert held + committed == open_units
    moved = StockMovement.objects.filter(sku="TEE").values_list("reason").annotate(units=Sum("on_hand"))
    books = dict(moved)
    assert books["received"] == 10
    assert books.get("damaged", 0) == -len(lost)
    assert sum(books.values()) == on_hand


def test_carts_that_name_the_same_things_in_any_order_never_wait_for_each_other_for_ever(make_product):
    """With cancels and shipments between; every row adds up afterwards."""
    random = Random(7)
    skus = ["AAA", "BBB", "CCC"]
    for sku in skus:
        make_product(sku, stock={"NL-AMS": 40})

    def life() -> None:
        order = Orders([(sku, random.randint(1, 3)) for sku in random.sample(skus, 3)])
        order.placed()
        ends = random.random()
        if ends < 0.7:
            order.confirmed()
        if ends < 0.4:
            order.closed()
        elif ends < 0.6 and Reservation.objects.get(pk=order.id).state == "committed":
            order.shipped()

    together([life for _ in range(100)])
    assert not Discrepancy.objects.exists()
    assert audit_invariants() == 0
    for row in Stock.objects.all():
        assert 0 <= row.held + row.committed <= row.on_hand


def test_the_audit_finds_a_row_that_somebody_has_changed_by_hand(make_product):
    make_product("TEE", stock={"NL-AMS": 10})
    Orders([("TEE", 4)]).placed()
    Stock.objects.filter(variant_id="TEE").update(held=3)
    assert audit_invariants() == 2  # neither the ledger nor the reservations say 3
    audit_invariants()
    with pytest.raises(CommandError, match="2 differences"):
        call_command("audit_invariants")
    told = Discrepancy.objects.get()
    assert (told.kind, told.sku, told.warehouse) == ("invariant", "TEE", "NL-AMS")


def test_what_the_audit_found_is_counted_where_it_is_scraped(make_product, client):
    make_product("TEE", stock={"NL-AMS": 10})
    Orders([("TEE", 4)]).placed()
    Stock.objects.filter(variant_id="TEE").update(held=3)
    audit_invariants()
    figures = client.get("/metrics").content.decode()
    for line in (
        'invariant_violations_total{invariant="I2"} 1.0',
        "stock_discrepancies 1.0",
        'reservations{state="held"} 1.0',
    ):
        assert line in figures
