"""The decisions about money, without a database: what is next, and what a look at the provider says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from payments.domain.facts import Kind, PaymentFacts, RefundFacts, Seen, State
from payments.domain.settlement import Action, is_done, observe, settle

NOW = datetime(2026, 10, 5, 10, tzinfo=UTC)
PAYMENT = PaymentFacts(State.CREATED, 1000, "EUR")


def seen(status: str, **fields) -> Seen:
    return Seen(**{"status": status, "amount_minor": 1000, "currency": "EUR", "at": NOW, **fields})


def refund(amount: int, state: str = "requested", id: str = "r1", asked: bool = True) -> RefundFacts:
    """A refund that was sent twice; the result of the second sending is not known."""
    return RefundFacts(id, amount, state, asked, sent=(f"{id}:1", f"{id}:2"), sending=f"{id}:2")


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", Kind)
def test_while_a_result_is_unknown_nothing_is_begun(state, kind):
    payment = replace(PAYMENT, state=state, closed=True, operation=kind, surplus="a1", queued="a2")
    assert settle(payment) is None


@pytest.mark.parametrize("state", State)
def test_money_that_is_too_much_goes_back_first(state):
    assert settle(replace(PAYMENT, state=state, surplus="a1")) == Action(Kind.GIVE_BACK, attempt="a1")


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        ({"queued": "a1"}, Action(Kind.AUTHORIZE, attempt="a1")),
        ({"queued": "a1", "expired": True}, None),
        ({"queued": "a1", "closed": True}, Action(state=State.CLOSED)),
        ({"closed": True}, Action(state=State.CLOSED)),
        ({"asked_back": 1000}, Action(state=State.CLOSED)),
        ({}, None),
        ({"state": State.SENT, "closed": True}, None),
        ({"state": State.WAITING}, None),
        ({"state": State.WAITING, "expired": True}, None),
        ({"state": State.WAITING, "closed": True}, Action(Kind.CANCEL_ATTEMPT)),
        ({"state": State.WAITING, "queued": "a2"}, Action(Kind.CANCEL_ATTEMPT)),
        ({"state": State.AUTHORIZED}, None),
        ({"state": State.AUTHORIZED, "confirmed": True}, Action(Kind.CAPTURE)),
        ({"state": State.AUTHORIZED, "closed": True}, Action(Kind.VOID)),
        ({"state": State.AUTHORIZED, "closed": True, "confirmed": True}, Action(Kind.VOID)),
        ({"state": State.CAPTURED, "confirmed": True}, None),
        ({"state": State.CAPTURED, "closed": True}, Action(own_refund_minor=1000)),
        ({"state": State.VOIDED, "closed": True}, None),
        ({"state": State.FAILED, "closed": True}, None),
        ({"state": State.CLOSED, "closed": True, "queued": "a1"}, None),
    ],
)
def test_the_one_next_thing(facts, action):
    assert settle(replace(PAYMENT, **facts)) == action


@pytest.mark.parametrize(
    ("rows", "closed", "action"),
    [
        ([refund(300)], False, Action(Kind.REFUND, refund="r1")),
        ([refund(300, "succeeded")], False, None),
        ([refund(300, "failed")], False, None),
        ([refund(300)], True, Action(own_refund_minor=700)),
        ([refund(300, "failed")], True, Action(own_refund_minor=700)),
        ([refund(300), refund(700, id="r2", asked=False)], True, Action(Kind.REFUND, refund="r1")),
        ([refund(300, "failed"), refund(700, id="r2", asked=False)], True, Action(Kind.REFUND, refund="r2")),
        ([refund(300, "succeeded"), refund(700, "succeeded", "r2", False)], True, None),
    ],
)
def test_refunds_go_one_after_the_other_and_never_above_what_was_taken(rows, closed, action):
    asked = sum(row.amount_minor for row in rows if row.asked_by_order)
    payment = replace(PAYMENT, state=State.CAPTURED, closed=closed, asked_back=asked, refunds=tuple(rows))
    assert settle(payment) == action


@pytest.mark.parametrize(
    ("state", "look", "after", "said"),
    [
        (State.SENT, seen("authorized"), State.AUTHORIZED, ["authorized"]),
        (State.WAITING, seen("authorized"), State.AUTHORIZED, ["authorized"]),
        (State.SENT, seen("requires_action"), State.WAITING, []),
        (State.SENT, seen("processing"), State.SENT, []),
        (State.SENT, seen("declined", code="fraudulent"), State.CREATED, ["failed"]),
        (State.WAITING, seen("cancelled"), State.CREATED, ["failed"]),
        (State.SENT, None, State.CREATED, ["failed"]),
        (State.SENT, seen("authorized", amount_minor=999), State.CREATED, ["failed"]),
        (State.SENT, seen("authorized", currency="USD"), State.CREATED, ["failed"]),
        (State.AUTHORIZED, seen("captured"), State.CAPTURED, ["captured"]),
        (State.AUTHORIZED, seen("authorized"), State.AUTHORIZED, []),
        (State.AUTHORIZED, seen("requires_action"), State.AUTHORIZED, []),
        (State.AUTHORIZED, None, State.AUTHORIZED, []),
        (State.AUTHORIZED, seen("cancelled"), State.FAILED, ["capture_failed"]),
        (State.AUTHORIZED, seen("capture_refused"), State.FAILED, ["capture_failed"]),
        (State.CAPTURED, seen("authorized"), State.CAPTURED, []),
        (State.CAPTURED, None, State.CAPTURED, []),
        (State.VOIDED, seen("cancelled"), State.VOIDED, []),
        (State.FAILED, seen("authorized"), State.AUTHORIZED, []),
        (State.FAILED, seen("captured"), State.CAPTURED, ["captured"]),
        (State.FAILED, seen("cancelled"), State.FAILED, []),
        (State.FAILED, seen("capture_refused"), State.FAILED, []),
        (State.FAILED, None, State.FAILED, []),
        (State.CREATED, seen("requires_action"), State.CREATED, []),
    ],
)
def test_what_a_look_at_the_current_attempt_says(state, look, after, said):
    observed = observe(replace(PAYMENT, state=state), look, current=True)
    assert (observed.payment.state, [each.name for each in observed.said]) == (after, said)


def test_after_a_refused_capture_nothing_is_due():
    observed = observe(replace(PAYMENT, state=State.AUTHORIZED), seen("capture_refused"), current=True)
    assert (observed.payment.state, observed.payment.due_minor) == (State.FAILED, 0)


@pytest.mark.parametrize("code", ["402", "Card Declined", "x" * 60, "ünknown"])
@pytest.mark.parametrize(("state", "status"), [(State.SENT, "declined"), (State.AUTHORIZED, "capture_refused")])
def test_a_code_that_our_events_cannot_carry_is_replaced(state, status, code):
    observed = observe(replace(PAYMENT, state=state), seen(status, code=code), current=True)
    assert observed.said[0].data["code"] == "provider_refused"


def test_what_was_let_go_because_nothing_is_due_is_voided():
    observed = observe(replace(PAYMENT, state=State.AUTHORIZED, closed=True), seen("cancelled"), current=True)
    assert (observed.payment.state, [each.name for each in observed.said]) == (State.VOIDED, ["voided"])


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("status", ["authorized", "captured"])
def test_a_second_success_changes_nothing_but_raises_an_alarm(state, status):
    payment = replace(PAYMENT, state=state)
    observed = observe(payment, seen(status), current=False)
    assert (observed.payment, observed.said, bool(observed.alarm)) == (payment, (), True)


@pytest.mark.parametrize("look", [None, seen("declined"), seen("cancelled"), seen("requires_action")])
def test_an_old_attempt_that_holds_nothing_is_no_alarm(look):
    assert observe(PAYMENT, look, current=False).alarm == ""


def test_a_wrong_amount_is_an_alarm():
    observed = observe(replace(PAYMENT, state=State.SENT), seen("authorized", amount_minor=1001), current=True)
    assert "1001 EUR" in observed.alarm
    assert observed.said[0].data["code"] == "wrong_amount"


def test_each_refund_is_answered_once():
    rows = (refund(300), refund(200, id="r2"), refund(500, id="r3", asked=False), refund(1, "succeeded", "r4"))
    payment = replace(PAYMENT, state=State.CAPTURED, asked_back=500, refunds=rows)
    look = seen("captured", refunds={"r1:2": "succeeded", "r2:2": "failed", "r3:2": "succeeded", "r4:2": "failed"})

    observed = observe(payment, look, current=True)

    assert [(each.name, each.data["refund_id"]) for each in observed.said] == [
        ("refunded", "r1"),
        ("refund_failed", "r2"),
        ("refunded", None),
    ]
    assert [row.state for row in observed.payment.refunds] == ["succeeded", "failed", "succeeded", "succeeded"]
    assert observe(observed.payment, look, current=True).said == ()


@pytest.mark.parametrize(
    ("state", "results", "after"),
    [
        ("requested", {"r1:1": "failed"}, "requested"),
        ("requested", {"r1:1": "failed", "r1:2": "failed"}, "failed"),
        ("requested", {"r1:1": "pending", "r1:2": "failed"}, "requested"),
        ("requested", {"r1:1": "succeeded", "r1:2": "failed"}, "succeeded"),
        ("requested", {"r1:1": "succeeded"}, "succeeded"),
        ("requested", {"r1:2": "pending"}, "requested"),
        ("failed", {"r1:1": "failed", "r1:2": "failed"}, "failed"),
        ("failed", {"r1:1": "succeeded", "r1:2": "failed"}, "succeeded"),
        ("succeeded", {"r1:1": "succeeded", "r1:2": "failed"}, "succeeded"),
    ],
)
def test_any_sending_makes_a_refund_succeed_and_the_last_alone_makes_it_fail(state, results, after):
    payment = replace(PAYMENT, state=State.CAPTURED, asked_back=300, refunds=(refund(300, state),))
    observed = observe(payment, seen("captured", refunds=results), current=True)
    assert observed.payment.refunds[0].state == after
    assert len(observed.said) == (after != state)
    assert observed.alarm == ""


def test_a_failure_without_a_sending_that_waits_is_an_old_one():
    waits = replace(refund(300), sent=("r1:1",), sending="")
    payment = replace(PAYMENT, state=State.CAPTURED, asked_back=300, refunds=(waits,))
    assert observe(payment, seen("captured", refunds={"r1:1": "failed"}), current=True).said == ()


def test_money_that_went_back_twice_is_an_alarm():
    payment = replace(PAYMENT, state=State.CAPTURED, asked_back=300, refunds=(refund(300),))
    look = seen("captured", refunds={"r1:1": "succeeded", "r1:2": "succeeded"})
    observed = observe(payment, look, current=True)
    assert "r1" in observed.alarm
    assert observe(observed.payment, look, current=True).alarm == ""


@pytest.mark.parametrize(
    ("kind", "look", "done"),
    [
        (Kind.AUTHORIZE, None, False),
        (Kind.AUTHORIZE, seen("processing"), False),
        (Kind.AUTHORIZE, seen("requires_action"), True),
        (Kind.AUTHORIZE, seen("declined"), True),
        (Kind.CANCEL_ATTEMPT, seen("requires_action"), False),
        (Kind.CANCEL_ATTEMPT, seen("cancelled"), True),
        (Kind.CANCEL_ATTEMPT, seen("authorized"), True),
        (Kind.CAPTURE, seen("authorized"), False),
        (Kind.CAPTURE, seen("captured"), True),
        (Kind.CAPTURE, seen("capture_refused"), True),
        (Kind.VOID, seen("authorized"), False),
        (Kind.VOID, seen("captured"), False),
        (Kind.VOID, seen("cancelled"), True),
        (Kind.GIVE_BACK, seen("authorized"), False),
        (Kind.GIVE_BACK, seen("cancelled"), True),
        (Kind.GIVE_BACK, seen("captured", refunds={"r1:1": "failed"}), False),
        (Kind.GIVE_BACK, seen("captured", refunds={"r1:2": "pending"}), False),
        (Kind.GIVE_BACK, seen("captured", refunds={"r1:1": "failed", "r1:2": "succeeded"}), True),
        (Kind.REFUND, seen("captured"), False),
        (Kind.REFUND, seen("captured", refunds={"r1:2": "pending"}), False),
        (Kind.REFUND, seen("captured", refunds={"r1:2": "succeeded"}), True),
        (Kind.REFUND, seen("captured", refunds={"r1:1": "succeeded"}), True),
        (Kind.REFUND, seen("captured", refunds={"r1:2": "failed"}), True),
        (Kind.REFUND, seen("captured", refunds={"r1:1": "failed"}), False),
        (Kind.REFUND, seen("captured", refunds={"r1:1": "pending", "r1:2": "failed"}), False),
        (Kind.REFUND, seen("captured", refunds={"r2:2": "succeeded"}), False),
    ],
)
def test_when_an_operation_has_had_its_effect(kind, look, done):
    assert is_done(kind, look, sent=("r1:1", "r1:2")) is done


def test_a_capture_of_another_amount_than_was_due_is_told_to_people():
    held = replace(PAYMENT, state=State.AUTHORIZED, confirmed=True)
    assert observe(held, seen("captured"), current=True).alarm == ""
    part = observe(held, seen("captured", amount_minor=400), current=True)
    assert part.payment.state is State.CAPTURED
    assert part.alarm == "the provider took 400 EUR, due was 1000 EUR"
