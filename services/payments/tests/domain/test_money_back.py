"""Refunds, disputes and postings as pure decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from payments.domain.facts import Kind, PaymentFacts, RefundFacts, Seen, SeenDispute, State
from payments.domain.observations import code_of
from payments.domain.reconciliation import Booked, disagreement, keys_of
from payments.domain.refunds import answer, unpayable
from payments.domain.settlement import Action, observe, settle

NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)
CAPTURED = PaymentFacts(State.CAPTURED, 1000, "EUR", confirmed=True)


def refund(id: str, amount: int, state: str = "requested", *, asked: bool = True, sending: str = "") -> RefundFacts:
    return RefundFacts(id, amount, state, asked, sent=(sending,) if sending else (), sending=sending)


def paid(*refunds: RefundFacts, **fields) -> PaymentFacts:
    asked = sum(row.amount_minor for row in refunds if row.asked_by_order and row.state != "refused")
    return replace(CAPTURED, refunds=refunds, asked_back=asked, **fields)


def seen(*disputes: SeenDispute, status: str = "captured", **fields) -> Seen:
    return Seen(status, 1000, "EUR", NOW, disputes=disputes, **fields)


def dispute(state: str = "open", id: str = "dp_1", amount: int = 400, reason: str = "fraudulent") -> SeenDispute:
    return SeenDispute(id, amount, reason, NOW, state)


@pytest.mark.parametrize(
    ("payment", "refused"),
    [
        (paid(), None),
        (paid(refund("a", 1000)), None),
        (paid(refund("a", 1001)), ("a", "refund_exceeds_captured")),
        (paid(refund("a", 600), refund("b", 600)), ("b", "refund_exceeds_captured")),
        (paid(refund("a", 600, "succeeded"), refund("b", 401)), ("b", "refund_exceeds_captured")),
        (paid(refund("a", 600, "failed"), refund("b", 401)), ("b", "refund_exceeds_captured")),
        (paid(refund("a", 600, "refused"), refund("b", 1000)), None),
        (paid(refund("a", 600), lost_minor=401), ("a", "refund_exceeds_captured")),
        (paid(refund("a", 600, sending="a:1"), lost_minor=401), None),
        (paid(refund("a", 600), refund("b", 600, asked=False)), ("b", "refund_exceeds_captured")),
        (paid(refund("a", 1), state=State.VOIDED), ("a", "nothing_captured")),
        (paid(refund("a", 1), state=State.FAILED), ("a", "nothing_captured")),
        (paid(refund("a", 1), state=State.CLOSED), ("a", "nothing_captured")),
        (paid(refund("a", 1, "succeeded"), state=State.CLOSED), None),
        (paid(refund("a", 1), state=State.AUTHORIZED), None),
        (paid(refund("a", 1001), state=State.AUTHORIZED), ("a", "refund_exceeds_captured")),
    ],
)
def test_a_refund_that_there_is_no_money_for_is_refused_the_newest_first(payment, refused):
    found = unpayable(payment)
    assert (found and (found[0].id, found[1])) == refused
    if refused:
        assert settle(payment) == Action(refuse=refused[0], code=refused[1])
        assert settle(replace(payment, operation=Kind.CAPTURE)) == settle(payment)  # it needs no provider


@pytest.mark.parametrize(
    ("payment", "action"),
    [
        (paid(refund("a", 100), disputed=True), None),
        (paid(closed=True, disputed=True), None),
        (paid(closed=True, lost_minor=400), Action(own_refund_minor=600)),
        (paid(closed=True, lost_minor=1000), None),
        (paid(refund("a", 100, "succeeded"), closed=True, lost_minor=900), None),
        (paid(refund("a", 100), lost_minor=400), Action(Kind.REFUND, refund="a")),
        (paid(lost_minor=400), None),
    ],
)
def test_what_is_contested_waits_and_what_is_lost_is_gone(payment, action):
    assert settle(payment) == action


@pytest.mark.parametrize(
    ("known", "shown", "said", "state"),
    [
        ((), [dispute()], ["disputed"], True),
        ((), [dispute("won")], ["disputed", "dispute_closed"], False),
        ((), [dispute("lost")], ["disputed", "dispute_closed"], False),
        ((("dp_1", "open"),), [dispute()], [], True),
        ((("dp_1", "open"),), [dispute("lost")], ["dispute_closed"], False),
        ((("dp_1", "won"),), [dispute("won")], [], False),
        ((("dp_1", "won"),), [dispute("lost")], [], False),
        ((("dp_1", "lost"),), [dispute("lost"), dispute(id="dp_2")], ["disputed"], True),
        ((("dp_1", "open"),), [dispute("won"), dispute(id="dp_2")], ["dispute_closed", "disputed"], True),
    ],
)
def test_each_dispute_is_told_when_it_opens_and_when_it_is_decided(known, shown, said, state):
    observed = observe(replace(CAPTURED, disputes=known), seen(*shown), current=True)
    assert [each.name for each in observed.said] == said
    assert observed.payment.disputed is state
    assert len(observed.postings) == len(observed.disputes) == len(said)
    lost = 400 * sum(each.data["outcome"] == "lost" for each in observed.said)
    assert observed.payment.lost_minor == lost
    again = observe(observed.payment, seen(*shown), current=True)
    assert (again.said, again.postings) == ((), ())
    changed_later = known == (("dp_1", "won"),) and shown[0].state == "lost"
    assert bool(again.alarm) is changed_later


@pytest.mark.parametrize("second", ["open", ""])
def test_a_dispute_that_is_decided_while_another_is_open_leaves_the_last_word_to_that(second):
    """Orders holds what is disputed by the last word: it would ship."""
    known = (("dp_1", "open"), ("dp_2", second)) if second else (("dp_2", "open"),)
    shown = [dispute("won"), dispute(id="dp_2")] if second else [dispute(id="dp_0"), dispute("won", id="dp_2")]
    observed = observe(replace(CAPTURED, disputes=known), seen(*shown), current=True)
    assert [each.name for each in observed.said][-2:] == ["dispute_closed", "disputed"]
    assert observed.payment.disputed
    assert len(observed.postings) == len(observed.disputes) == len(observed.said) - 1
    again = observe(observed.payment, seen(*shown), current=True)
    assert (again.said, again.postings) == ((), ())


def test_a_decision_that_changes_later_is_told_to_people():
    observed = observe(replace(CAPTURED, disputes=(("dp_1", "won"),)), seen(dispute("lost")), current=True)
    assert observed.alarm == "dispute dp_1 was won and is lost now"


def test_a_dispute_of_what_was_captured_unnoticed_comes_after_the_capture():
    authorized = PaymentFacts(State.AUTHORIZED, 1000, "EUR", confirmed=True)
    observed = observe(authorized, seen(dispute()), current=True)
    assert [each.name for each in observed.said] == ["captured", "disputed"]
    assert [each.kind for each in observed.postings] == ["captured", "disputed"]


def test_a_reason_that_is_no_code_is_told_as_a_general_one():
    observed = observe(CAPTURED, seen(dispute(reason="Bank Said So")), current=True)
    assert observed.said[0].data["reason"] == "general"
    assert (code_of("stolen_card", "x"), code_of("Nope!", "x"), code_of("", "x")) == ("stolen_card", "x", "x")


def test_an_answer_names_the_refund_that_orders_knows_and_no_other():
    said = answer(refund("a", 5), "failed", "EUR")
    assert (said.name, said.data["refund_id"], said.data["code"]) == ("refund_failed", "a", "refused_by_provider")
    own = answer(refund("a", 5, asked=False), "succeeded", "EUR")
    assert (own.name, own.data["refund_id"], "code" in own.data) == ("refunded", None, False)


@pytest.mark.parametrize(
    ("method", "refused", "kinds"),
    [
        ("captured", False, ["captured"]),
        ("captured", True, ["captured_late"]),
        ("cancelled", False, ["voided"]),
        ("cancelled", True, []),
        ("capture_refused", False, ["capture_failed"]),
        ("capture_refused", True, []),
    ],
)
def test_after_a_refusal_nothing_is_receivable_any_more(method, refused, kinds):
    authorized = PaymentFacts(State.AUTHORIZED, 1000, "EUR", closed=True, refused=refused)
    assert [each.kind for each in observe(authorized, seen(status=method), current=True).postings] == kinds


def test_an_intent_that_was_never_confirmed_counts_as_unanswered():
    sent = PaymentFacts(State.SENT, 1000, "EUR")
    observed = observe(sent, seen(status="unconfirmed"), current=True)
    assert (observed.payment.state, observed.said[0].data["code"]) == (State.CREATED, "provider_unavailable")


@pytest.mark.parametrize(
    ("kind", "reference", "keys"),
    [
        ("charge", "x", ["captured:p", "captured_late:p", "surplus:a"]),
        ("refund", "r-1:2", ["refunded:r-1"]),
        ("refund", "surplus-a:1", ["given_back:a"]),
        ("refund", "by hand", ["refunded:"]),
        ("dispute", "dp_1", ["disputed:dp_1"]),
        ("dispute_won", "dp_1", ["dispute_won:dp_1"]),
        ("fee", "", []),
        ("other_adjustment", "", []),
    ],
)
def test_a_line_of_a_report_names_the_posting_it_tells_of(kind, reference, keys):
    assert keys_of(kind, reference, payment_id="p", attempt_id="a") == keys


@pytest.mark.parametrize(
    ("amount", "currency", "booked", "taken", "wrong"),
    [
        (1000, "EUR", Booked("captured:p", 1000, "EUR"), False, None),
        (1001, "EUR", Booked("captured:p", 1000, "EUR"), False, "wrong_amount"),
        (1000, "USD", Booked("captured:p", 1000, "EUR"), False, "wrong_amount"),
        (-1000, "EUR", Booked("captured:p", 1000, "EUR"), False, "wrong_amount"),
        (1000, "EUR", Booked("captured:p", 1000, "EUR"), True, "extra"),
        (1000, "EUR", None, False, "extra"),
    ],
)
def test_a_line_agrees_or_says_why_not(amount, currency, booked, taken, wrong):
    found = disagreement("charge", amount, currency, booked=booked, taken=taken)
    assert (found.kind if found else None) == wrong


@pytest.mark.parametrize(
    ("shown", "came_back"),
    [({"a:1": "failed"}, True), ({"a:1": "succeeded"}, False), ({"a:1": "pending"}, False), ({}, False)],
)
def test_a_refund_that_comes_back_after_it_had_arrived_is_told_to_people(shown, came_back):
    arrived = replace(refund("a", 100, "succeeded"), sent=("a:1",))
    observed = observe(paid(arrived), replace(seen(), refunds=shown), current=True)
    assert (observed.said, observed.postings, observed.payment.refunds) == ((), (), (arrived,))
    assert observed.alarm == (
        "refund a came back after it had arrived: the buyer does not have it" if came_back else ""
    )
