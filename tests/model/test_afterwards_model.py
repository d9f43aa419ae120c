"""What can become of a paid order, and of two orders for one unit, explored; and their rules broken in turn."""

from __future__ import annotations

from dataclasses import replace

import pytest
from catalog.domain import reservations
from orders.domain import lifecycle, refunds, returns
from payments.domain import disputes, settlement
from payments.domain.facts import Kind

from tests.model import afterwards_model, two_orders_model
from tests.model.afterwards_model import STORIES, Accidents

Order, OrderFact = lifecycle.State, lifecycle.Fact
Hold, HoldFact = reservations.State, reservations.Fact
SHIPPING = Accidents(goodwill=1, refusals=1, retries=1, returns=1)
LOSING = Accidents(losses=2, returns=1)
CONTESTED = Accidents(goodwill=1, disputes=1, timeouts=1)


def is_noticed(accidents: Accidents) -> bool:
    return afterwards_model.explore(accidents).violation is not None


@pytest.mark.parametrize("story", STORIES)
def test_no_interleaving_of_what_becomes_of_a_paid_order_violates_an_invariant(story):
    states, settled, violation = afterwards_model.explore(STORIES[story])
    assert violation is None, violation
    assert states > 40_000
    assert settled > 400


def test_of_two_orders_for_one_unit_one_gets_it_and_the_other_is_told():
    states, settled, violation = two_orders_model.explore()
    assert violation is None, violation
    assert states > 18_000
    assert settled > 400


def test_selling_the_unit_twice_is_noticed(monkeypatch):
    monkeypatch.setattr(reservations.Move, "takes", property(lambda move: 0))
    assert two_orders_model.explore().violation is not None


def test_not_telling_orders_that_stock_is_gone_is_noticed(monkeypatch):
    missing = (Hold.RELEASED, HoldFact.CONFIRMED_SHORT)
    monkeypatch.setitem(reservations.TRANSITIONS, missing, (Hold.RELEASED, None, None))
    assert two_orders_model.explore().violation is not None


@pytest.mark.parametrize(
    ("missing", "accidents"),
    [
        ((Hold.COMMITTED, HoldFact.CLOSED), SHIPPING),
        ((Hold.COMMITTED, HoldFact.REST_CANCELLED), SHIPPING),
        ((Hold.COMMITTED, HoldFact.PART_SHIPPED), SHIPPING),
        ((Hold.COMMITTED, HoldFact.ALL_LOST), LOSING),
        ((Hold.COMMITTED, HoldFact.REST_LOST), LOSING),
        ((Hold.COMMITTED, HoldFact.PART_LOST), LOSING),
    ],
    ids=str,
)
def test_a_transition_missing_from_the_reservations_table_is_noticed(monkeypatch, missing, accidents):
    monkeypatch.delitem(reservations.TRANSITIONS, missing)
    assert is_noticed(accidents)


@pytest.mark.parametrize("state", [Order.CONFIRMED, Order.PAID])
def test_an_order_that_goes_on_without_its_stock_is_noticed(monkeypatch, state):
    monkeypatch.delitem(lifecycle.TRANSITIONS, (state, OrderFact.STOCK_COMMIT_FAILED))
    assert is_noticed(LOSING) if state is Order.PAID else two_orders_model.explore().violation is not None


def test_a_partly_shipped_order_that_is_cancelled_whole_is_noticed(monkeypatch):
    monkeypatch.setitem(
        lifecycle.TRANSITIONS, (Order.PARTIALLY_SHIPPED, OrderFact.CANCELLED), (Order.CANCELLED, lifecycle.is_cancelled)
    )
    assert is_noticed(SHIPPING)


def test_giving_back_more_than_was_charged_is_noticed(monkeypatch):
    monkeypatch.setattr(refunds.Charged, "left", property(lambda charged: charged.total))
    assert is_noticed(Accidents(goodwill=3))


def test_refunding_all_units_for_one_is_noticed(monkeypatch):
    first = refunds.ChargedLine._first
    monkeypatch.setattr(refunds.ChargedLine, "_first", lambda line, part, units: first(line, part, min(units * 2, 2)))
    monkeypatch.setattr(refunds.Charged, "left", property(lambda charged: charged.total))
    assert is_noticed(Accidents(goodwill=1))


def test_a_refund_that_is_forgotten_is_noticed(monkeypatch):
    settle = settlement.settle

    def forgetful(payment):
        action = settle(payment)
        return None if action is not None and action.kind is Kind.REFUND else action

    monkeypatch.setattr(settlement, "settle", forgetful)
    assert is_noticed(SHIPPING)


def test_an_answer_that_is_not_looked_for_before_sending_again_is_noticed(monkeypatch):
    observe = settlement.observe
    monkeypatch.setattr(
        settlement,
        "observe",
        lambda payment, seen, *, current: observe(payment, replace(seen, refunds={}), current=True),
    )
    assert is_noticed(Accidents(goodwill=1))


def test_a_dispute_that_is_not_seen_is_noticed(monkeypatch):
    monkeypatch.setattr(settlement, "observe_disputes", lambda payment, seen: settlement.Observation(payment))
    assert is_noticed(CONTESTED)


def test_a_dispute_that_never_ends_is_noticed(monkeypatch):
    monkeypatch.setattr(disputes, "CLOSED", frozenset())
    assert is_noticed(CONTESTED)


def test_a_return_that_never_ends_is_noticed(monkeypatch):
    monkeypatch.delitem(returns.TRANSITIONS, (returns.ReturnState.RECEIVED, returns.ReturnFact.REFUNDED))
    assert is_noticed(Accidents(returns=1))
