"""The services' own functions, explored in every interleaving; and each of their rules broken in turn."""

from __future__ import annotations

from dataclasses import replace

import pytest
from catalog.domain import reservations
from orders.domain import lifecycle
from payments.domain import settlement
from payments.domain.facts import Kind

from tests.model.services_model import explore

Order, OrderFact = lifecycle.State, lifecycle.Fact
Hold, HoldFact = reservations.State, reservations.Fact


def test_no_interleaving_of_the_services_functions_violates_an_invariant():
    states, settled, violation = explore()
    assert violation is None, violation
    assert states > 19_000
    assert settled > 200


@pytest.mark.parametrize(
    "missing",
    [
        (Order.PENDING_STOCK, OrderFact.STOCK_RESERVED),
        (Order.PENDING_STOCK, OrderFact.STOCK_REJECTED),
        (Order.AWAITING_PAYMENT, OrderFact.PAYMENT_AUTHORIZED),
        (Order.CONFIRMED, OrderFact.STOCK_AND_MONEY),
        (Order.CONFIRMED, OrderFact.CAPTURE_FAILED),
        (Order.CONFIRMED, OrderFact.STOCK_COMMIT_FAILED),
    ],
    ids=lambda key: f"{key[0]} on {key[1]}",
)
def test_a_transition_missing_from_the_orders_table_is_noticed(monkeypatch, missing):
    monkeypatch.delitem(lifecycle.TRANSITIONS, missing)
    if missing == (Order.PENDING_STOCK, OrderFact.STOCK_RESERVED) or missing == (
        Order.PENDING_STOCK,
        OrderFact.STOCK_REJECTED,
    ):
        monkeypatch.delitem(lifecycle.TRANSITIONS, (Order.PENDING_STOCK, OrderFact.TIME_UP))  # the clock would hide it
    if missing == (Order.AWAITING_PAYMENT, OrderFact.PAYMENT_AUTHORIZED):
        monkeypatch.delitem(lifecycle.TRANSITIONS, (Order.AWAITING_PAYMENT, OrderFact.TIME_UP))
    assert explore()[2] is not None


@pytest.mark.parametrize(
    "missing",
    [
        (Hold.HELD, HoldFact.CONFIRMED),
        (Hold.HELD, HoldFact.CLOSED),
        (Hold.COMMITTED, HoldFact.CLOSED),
        (Hold.RELEASED, HoldFact.CONFIRMED_SHORT),
    ],
    ids=lambda key: f"{key[0]} on {key[1]}",
)
def test_a_transition_missing_from_the_reservations_table_is_noticed(monkeypatch, missing):
    monkeypatch.delitem(reservations.TRANSITIONS, missing)
    assert explore()[2] is not None


@pytest.mark.parametrize("unseen", ["stock_committed", "payment_captured"])
def test_paid_before_both_were_seen_is_noticed(monkeypatch, unseen):
    decide = lifecycle.decide
    monkeypatch.setattr(
        lifecycle, "decide", lambda order, fact, **detail: decide(replace(order, **{unseen: True}), fact, **detail)
    )
    assert explore()[2] is not None


@pytest.mark.parametrize("forgotten", [Kind.VOID, Kind.CANCEL_ATTEMPT, Kind.REFUND, Kind.CAPTURE])
def test_an_operation_that_settle_forgets_is_noticed(monkeypatch, forgotten):
    settle = settlement.settle

    def forgetful(payment):
        action = settle(payment)
        return None if action is not None and action.kind is forgotten else action

    monkeypatch.setattr(settlement, "settle", forgetful)
    assert explore()[2] is not None


def test_capturing_what_is_not_confirmed_is_noticed(monkeypatch):
    settle = settlement.settle
    monkeypatch.setattr(settlement, "settle", lambda payment: settle(replace(payment, confirmed=True)))
    assert explore()[2] is not None


def test_money_that_nobody_asked_back_and_that_is_kept_is_noticed(monkeypatch):
    settle = settlement.settle

    def keeping(payment):
        action = settle(payment)
        return None if action is not None and action.own_refund_minor else action

    monkeypatch.setattr(settlement, "settle", keeping)
    assert explore()[2] is not None


def test_taking_silence_for_a_refusal_is_noticed(monkeypatch):
    observe = settlement.observe

    def hasty(payment, seen, *, current):
        lost = seen is not None and payment.state is settlement.State.SENT and seen.status == "authorized"
        return observe(payment, None if lost else seen, current=current)

    monkeypatch.setattr(settlement, "observe", hasty)
    assert explore()[2] is not None
