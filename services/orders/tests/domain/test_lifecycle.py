"""The order's table, pure: total, and what people may ask for in which state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from orders.domain import returns
from orders.domain.lifecycle import (
    CLOSED,
    TRANSITIONS,
    Fact,
    IllegalTransition,
    OrderFacts,
    State,
    cancel,
    cancel_lines,
    decide,
    ship,
)
from orders.domain.returns import ReturnFact, ReturnState, Terms, too_late

NOW = datetime(2026, 11, 27, tzinfo=UTC)
ORDER = OrderFacts("o", "CB-1", None, State.PAID, 7, "p", 100, "EUR", NOW, stock_committed=True, payment_captured=True)
LINES = [{"line_id": 1, "sku": "TEE", "quantity": 2, "warehouse": "NL-AMS"}]
DETAIL = {"lines": LINES, "reason": "x", "shipment_id": "s", "carrier": "c", "tracking_number": "t"}
REMEMBERED = {Fact.STOCK_COMMITTED, Fact.PAYMENT_CAPTURED}


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("fact", [fact for fact in Fact if fact not in REMEMBERED])
def test_what_the_table_does_not_have_changes_nothing_and_what_it_has_is_one_version(state, fact):
    step = decide(replace(ORDER, state=state), fact, **DETAIL)
    assert (step is not None) == ((state, fact) in TRANSITIONS)
    if step is not None:
        assert (step.order.state, step.order.version) == (TRANSITIONS[state, fact][0], 8)
        assert [event.sequence for event in step.events] in ([8], [])


def test_nothing_leads_out_of_a_closed_or_delivered_order():
    assert not {state for state, _ in TRANSITIONS} & {*CLOSED, State.DELIVERED}


@pytest.mark.parametrize(
    ("left", "underway", "states", "said"),
    [
        (True, True, ["partially_shipped"], ["lines_cancelled"]),
        (True, False, ["partially_shipped"], ["lines_cancelled"]),
        (False, True, ["shipped"], ["lines_cancelled"]),
        (False, False, ["shipped", "delivered"], ["lines_cancelled"]),
    ],
)
def test_the_rest_is_cancelled_and_what_has_arrived_is_delivered(left, underway, states, said):
    part = replace(ORDER, state=State.PARTIALLY_SHIPPED)
    steps = cancel_lines(part, nothing_left=not left, underway=underway, lines=LINES)
    assert [step.order.state for step in steps] == states
    assert [event.type.split(".")[2] for step in steps for event in step.events] == said


@pytest.mark.parametrize("state", [state for state in State if state is not State.PARTIALLY_SHIPPED])
def test_lines_are_cancelled_of_a_partly_shipped_order_alone_and_the_refusal_says_what_to_do(state):
    with pytest.raises(IllegalTransition) as refusal:
        cancel_lines(replace(ORDER, state=state), nothing_left=True, underway=False, lines=LINES)
    whole = (state, Fact.CANCELLED) in TRANSITIONS
    assert ("Cancel it whole" if whole else "Nothing of it is left to ship") in str(refusal.value)


def test_a_hold_blocks_shipping_and_nothing_else():
    held = replace(ORDER, held=True)
    with pytest.raises(IllegalTransition, match="held"):
        ship(held, nothing_left=True, **DETAIL)
    assert cancel(held, reason="buyer").order.state is State.CANCELLED


@pytest.mark.parametrize("state", list(ReturnState))
@pytest.mark.parametrize("fact", list(ReturnFact))
def test_a_return_goes_forward_only(state, fact):
    step = returns.decide(state, fact)
    order = list(ReturnState)
    assert step is None or order.index(step[0]) > order.index(state)
    if state in {ReturnState.REJECTED, ReturnState.REFUNDED}:
        assert step is None


def test_the_window_begins_with_the_last_arrival_and_stays_open_while_something_is_under_way():
    terms, day = Terms(14), timedelta(days=1)
    assert not too_late(terms, [NOW - 14 * day], now=NOW)
    assert too_late(terms, [NOW - 15 * day, NOW - 14 * day - timedelta(seconds=1)], now=NOW)
    assert not too_late(terms, [NOW - 15 * day, NOW - 13 * day], now=NOW)
    assert not too_late(terms, [NOW - 90 * day, None], now=NOW)
    assert not too_late(terms, [], now=NOW)
