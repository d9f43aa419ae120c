"""The reservation's rules, pure: every fact in every state, and units that always add up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from catalog.domain.reservations import (
    ANSWERS,
    SHORT,
    TRANSITIONS,
    Fact,
    Line,
    Move,
    ReservationFacts,
    State,
    cancel_lines,
    decide,
    repeat,
    ship,
    write_off,
)
from hypothesis import given
from hypothesis import strategies as st

LINES = (Line(1, "TEE", "NL-AMS", 3), Line(2, "MUG", "NL-AMS", 1), Line(3, "TEE", "NL-AMS", 2))
NEW = ReservationFacts("0" * 8, "CB-1", None, LINES)
DETAIL = {"reason": "cancelled", "shortages": [{"sku": "TEE", "requested": 5, "available": 1}]}


def after(*facts: Fact) -> ReservationFacts:
    reservation = NEW
    for fact in facts:
        reservation = decide(reservation, fact, **DETAIL).reservation
    return reservation


def test_units_of_a_sku_are_summed_and_rows_come_in_key_order():
    step = decide(NEW, Fact.PLACED)
    assert step.moves == (Move("MUG", "NL-AMS", held=1), Move("TEE", "NL-AMS", held=5))
    assert [move.takes for move in step.moves] == [1, 5]


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("fact", list(Fact))
def test_what_the_table_does_not_have_changes_nothing(state, fact):
    step = decide(replace(NEW, state=state), fact, **DETAIL)
    assert (step is not None) == ((state, fact) in TRANSITIONS)


def test_what_is_said_and_its_number():
    step = decide(after(Fact.PLACED), Fact.CONFIRMED)
    assert [event.type for event in step.events] == ["crossborder.stock.committed.v1"]
    assert (step.events[0].sequence, step.reservation.version) == (2, 2)


def test_only_questions_are_answered_again():
    assert {state for state in State if repeat(replace(NEW, state=state), **DETAIL)} == set(ANSWERS)


def test_more_shipped_than_was_promised_is_told_by_line():
    step, missing = ship(after(Fact.PLACED, Fact.CONFIRMED), {1: 5, 2: 1})
    assert missing == {1: 2}
    assert step.moves == (Move("MUG", "NL-AMS", -1, 0, -1), Move("TEE", "NL-AMS", -3, 0, -3))
    assert ship(after(Fact.PLACED), {1: 1}) == (None, {1: 1})


STEPS = st.lists(
    st.one_of(
        st.sampled_from([Fact.PLACED, Fact.CONFIRMED, Fact.CLOSED, Fact.BACKSTOP]),
        st.tuples(st.sampled_from([ship, cancel_lines]), st.dictionaries(st.integers(1, 4), st.integers(1, 4))),
        st.tuples(st.just(write_off), st.integers(1, 6)),
    ),
    max_size=12,
)


@given(st.booleans(), STEPS)
def test_whatever_happens_stock_is_promised_exactly_as_the_lines_say(enough, steps):
    """The sum of all moves of held and committed is always what the lines keep open."""
    reservation, held, committed, on_hand = NEW, 0, 0, 0
    for each in steps:
        if isinstance(each, Fact):
            fact = each if enough else SHORT.get(each, each)
            step = decide(reservation, fact, **DETAIL)
        else:
            part, units = each
            row = {"sku": "TEE", "warehouse": "NL-AMS", "units": units}
            step = part(reservation, **row) if part is write_off else part(reservation, units)
            step = step[0] if isinstance(step, tuple) else step
        if step is None:
            continue
        reservation = step.reservation
        held += sum(move.held for move in step.moves)
        committed += sum(move.committed for move in step.moves)
        on_hand += sum(move.on_hand for move in step.moves)
    open_units = sum(line.open for line in reservation.lines)
    assert held == (open_units if reservation.state is State.HELD else 0)
    assert committed == (open_units if reservation.state is State.COMMITTED else 0)
    assert -on_hand == sum(line.fulfilled for line in reservation.lines)
    assert all(0 <= line.lost <= line.released for line in reservation.lines)
    assert all(line.open >= 0 and line.fulfilled >= 0 and line.released >= 0 for line in reservation.lines)
