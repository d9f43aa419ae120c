"""Each step of a reservation: in few statements, and killed at each of them nothing is half done."""

from __future__ import annotations

from functools import partial
from uuid import uuid4

import pytest
from catalog.models import Discrepancy, HandledLine, Reservation, ReservationLine, Stock, StockMovement
from catalog.tasks import audit_invariants
from catalog.use_cases.write_offs import write_off
from chassis.testing import killed_at_each_statement
from django.utils import timezone
from outbox.models import InboxEntry, OutboxEvent

MOST_STATEMENTS = 8  # of a message about one SKU; each further one is one more: its row of stock is taken by itself


@pytest.fixture(autouse=True)
def shop(make_product):
    make_product("TEE", stock={"NL-AMS": 10})
    yield
    assert audit_invariants() == 0


def life(order) -> dict:
    """Every message that catalog reacts to, in the order of an order's life."""
    event = lambda: {"event_id": uuid4()}  # noqa: E731
    back = {"return_id": str(uuid4()), "lines": [{**order.lines[0], "quantity": 1, "restock_quantity": 1}]}
    rest = [{**order.lines[0], "quantity": 1}]
    return {
        "placed": partial(order.placed, **event()),
        "confirmed": partial(order.confirmed, **event()),
        "shipped": partial(order.shipped, {1: 2}, **event()),
        "lines_cancelled": partial(order.say, "lines_cancelled", lines=rest, **event()),
        "return_received": partial(order.say, "return_received", **back, **event()),
    }


def books() -> tuple:
    counted = (Reservation, ReservationLine, HandledLine, StockMovement, Discrepancy, OutboxEvent, InboxEntry)
    return (
        [model.objects.count() for model in counted],
        list(Stock.objects.values_list("on_hand", "held", "committed")),
        list(Reservation.objects.values_list("state", "version")),
        list(ReservationLine.objects.values_list("fulfilled", "released", "lost")),
    )


def survives(action) -> None:
    """The process dies at its first statement, then at its second, ...: until its commit nothing is there."""
    before, deaths = books(), 0
    for _ in killed_at_each_statement(action):
        assert books() == before
        deaths += 1
    assert deaths >= 5
    assert books() != before
    assert audit_invariants() == 0


def test_every_message_takes_at_most_eight_statements(order, statements):
    for name, happens in life(order([("TEE", 3)])).items():
        with statements() as run:
            assert happens() is True
        assert len(run) <= MOST_STATEMENTS, (name, run)


@pytest.mark.parametrize(
    "until", range(5), ids=["placed", "confirmed", "shipped", "lines_cancelled", "return_received"]
)
def test_cases_2_4_16_17_18_killed_at_each_statement(order, until):
    steps = list(life(order([("TEE", 3)])).values())
    for happens in steps[:until]:
        happens()
    survives(steps[until])
    assert steps[until]() is False, "told again after the crash it is known"


@pytest.mark.parametrize("confirmed", [False, True], ids=["case_7", "case_8"])
def test_cases_7_and_8_a_release_killed_at_each_statement(order, confirmed):
    placed = order([("TEE", 3)])
    placed.placed()
    if confirmed:
        placed.confirmed()
    survives(partial(placed.closed, event_id=uuid4()))


def test_case_13_a_forced_write_off_killed_at_each_statement(order):
    for _ in range(2):
        placed = order([("TEE", 5)])
        placed.placed()
        placed.confirmed()
    wrong = {"sku": "TEE", "warehouse": "NL-AMS", "units": 6, "reason": "lost", "comment": "", "by": "test"}
    survives(partial(write_off, **wrong, now=timezone.now()))
    assert list(Stock.objects.values_list("on_hand", "committed")) == [(4, 4)]
