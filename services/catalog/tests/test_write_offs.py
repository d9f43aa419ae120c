"""Case 13: goods that were promised are gone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from uuid import uuid4

import pytest
from catalog.models import Reservation, StockMovement
from catalog.tasks import audit_invariants
from catalog.use_cases.write_offs import write_off
from django.db import connections
from django.utils import timezone
from outbox.testing import capture_events
from outbox.transactions import retry_conflicts

from tests.conftest import levels, receive

PATH = "/api/v1/staff/stock/adjustments"


@pytest.fixture(autouse=True)
def shop(make_product):
    make_product("TEE", stock={"NL-AMS": 10})
    make_product("MUG", stock={"NL-AMS": 3})
    yield
    assert audit_invariants() == 0


def lose(units: int, sku: str = "TEE"):
    wrong = {"sku": sku, "warehouse": "NL-AMS", "units": units, "reason": "damaged", "comment": "wet", "by": "test"}
    return retry_conflicts(lambda: write_off(**wrong, now=timezone.now()))


def said(events) -> list[tuple[str, str]]:
    return [(event.type.removeprefix("crossborder.stock.").removesuffix(".v1"), event.key) for event in events]


def state_of(order) -> str:
    return Reservation.objects.get(pk=order.id).state


def test_case_13_without_force_what_is_promised_cannot_go_and_with_it_the_newest_hold_loses(order, api, staff_headers):
    first, second = order([("TEE", 4)]), order([("TEE", 4), ("MUG", 1)])
    for each in (first, second):
        each.placed()
        each.confirmed()
    body = {"sku": "TEE", "warehouse": "NL-AMS", "delta": -5, "reason": "damaged"}
    refused = api.post(PATH, body, headers=staff_headers)
    assert (refused.status_code, refused.json()["code"], levels("TEE")) == (409, "stock_promised", (10, 0, 8))
    with capture_events() as events:
        forced = api.post(PATH, {**body, "force": True}, headers=staff_headers)
    assert forced.status_code == 201
    assert said(events) == [("commit_failed", second.id)]
    assert events[0].data["reason"] == "written_off"
    assert [(line["line_id"], line["quantity"]) for line in events[0].data["lines"]] == [(1, 3)]
    assert (levels("TEE"), levels("MUG")) == ((5, 0, 5), (3, 0, 1))
    second.closed()
    assert (levels("TEE"), levels("MUG"), state_of(second)) == ((5, 0, 4), (3, 0, 0), "released")


def test_case_13_an_unpaid_order_loses_its_hold_before_a_paid_one_and_is_answered_when_it_confirms(order):
    paid, unpaid = order([("TEE", 4)]), order([("TEE", 5), ("MUG", 1)])
    unpaid.placed()
    paid.placed()
    paid.confirmed()
    with capture_events() as events:
        lose(4)
    assert said(events) == [("released", unpaid.id)]
    assert events[0].data["reason"] == "written_off"
    assert (levels("TEE"), levels("MUG"), state_of(unpaid)) == ((6, 0, 4), (3, 0, 0), "released")
    with capture_events() as events:
        unpaid.confirmed()
    assert said(events) == [("commit_failed", unpaid.id)]


def test_case_13_a_partly_shipped_order_loses_what_is_gone_and_its_cancellation_frees_no_other_unit(order):
    placed = order([("TEE", 6), ("MUG", 1)])
    placed.placed()
    placed.confirmed()
    placed.shipped({1: 2})
    assert levels("TEE") == (8, 0, 4)
    with capture_events() as events:
        lose(5)
    assert said(events) == [("commit_failed", placed.id)]
    gone = events[0].data["lines"]
    assert [(line["line_id"], line["quantity"]) for line in gone] == [(1, 1)]
    assert levels("TEE") == (3, 0, 3)
    event_id = uuid4()
    with capture_events() as events:
        placed.say("lines_cancelled", lines=gone, event_id=event_id)
        placed.say("lines_cancelled", lines=gone, event_id=event_id)
    assert (said(events), levels("TEE"), state_of(placed)) == ([], (3, 0, 3), "committed")
    placed.shipped({1: 3, 2: 1})
    assert (levels("TEE"), levels("MUG"), state_of(placed)) == ((0, 0, 0), (2, 0, 0), "fulfilled")


def test_case_13_staff_cancel_the_rest_while_some_of_it_is_written_off(order):
    """Orders had cancelled all three before it heard that one was lost: two are freed, none twice."""
    placed = order([("TEE", 5)])
    placed.placed()
    placed.confirmed()
    placed.shipped({1: 2})
    lose(6)
    assert levels("TEE") == (2, 0, 2)
    with capture_events() as events:
        placed.say("lines_cancelled", lines=[{**placed.lines[0], "quantity": 3}])
    assert [line["quantity"] for line in events[0].data["lines"]] == [2]
    assert (levels("TEE"), state_of(placed)) == ((2, 0, 0), "fulfilled")


def test_case_13_all_that_was_committed_is_lost_and_a_repeated_confirmation_says_so_again(order):
    placed = order([("MUG", 3)])
    placed.placed()
    placed.confirmed()
    lose(2, "MUG")
    lose(1, "MUG")
    assert (levels("MUG"), state_of(placed)) == ((0, 0, 0), "released")
    with capture_events() as events:
        placed.confirmed(repeat=1)
    assert said(events) == [("commit_failed", placed.id)]
    with capture_events() as events:
        placed.closed()
    assert (said(events), levels("MUG")) == ([], (0, 0, 0))


def test_no_more_is_written_off_than_is_on_hand_and_a_refusal_breaks_no_promise(order, api, staff_headers):
    held = order([("TEE", 4)])
    held.placed()
    body = {"sku": "TEE", "warehouse": "NL-AMS", "delta": -11, "reason": "lost", "force": True}
    refused = api.post(PATH, body, headers=staff_headers)
    assert (refused.status_code, refused.json()["code"], refused.json()["on_hand"]) == (409, "stock_missing", 10)
    assert (levels("TEE"), state_of(held)) == ((10, 4, 0), "held")
    unknown = api.post(PATH, {**body, "sku": "NOPE"}, headers=staff_headers)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_stock")
    gained = api.post(PATH, {**body, "delta": 3}, headers=staff_headers)
    assert (gained.status_code, gained.json()["errors"][0]["code"]) == (400, "not_gone")


def test_a_write_off_of_free_goods_breaks_no_promise_and_every_unit_is_in_the_ledger(order):
    held = order([("TEE", 4)])
    held.placed()
    with capture_events() as events:
        lose(6)
    assert (said(events), levels("TEE")) == ([], (4, 4, 0))
    lose(1)
    moved = StockMovement.objects.filter(sku="TEE").order_by("id").values_list("reason", "on_hand", "held", "reference")
    assert list(moved)[2:] == [
        ("damaged", -6, 0, "by test"),
        ("written off", 0, -4, held.id),
        ("damaged", -1, 0, "by test"),
    ]


def test_a_write_off_and_a_cancel_of_the_same_order_at_once_free_its_stock_once(order):
    def run(action):
        line.wait(10)
        return action()

    line = Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(50):
            placed = order([("TEE", 5)])
            placed.placed()
            placed.confirmed()
            list(pool.map(run, (placed.closed, partial(lose, 6))))
            assert levels("TEE") == (4, 0, 0)
            assert audit_invariants() == 0
            receive("TEE", 6)
        list(pool.map(run, [connections.close_all] * 2))
