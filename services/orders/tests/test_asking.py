"""Case 22: an answer never comes."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.utils import timezone
from orders.domain.asking import ALARM, next_question
from orders.models import Order, Quote, Refund, Violation
from orders.tasks import ask_again, audit_invariants, expire_orders
from orders.use_cases.asking import ask_for_order, unanswered_orders
from outbox.testing import capture_events

from tests.conftest import said


def minutes_later(time_machine_at, minutes: float) -> list:
    with time_machine_at(minutes=minutes), capture_events() as events:
        ask_again()
    return [(event.type.removeprefix("crossborder.order.").removesuffix(".v1"), event.data) for event in events]


def test_the_questions_come_at_5_15_and_60_minutes_and_then_an_alarm():
    start = timezone.now()
    moments = [(asked, minutes) for minutes in range(90) for asked in range(ALARM + 1)]
    due = {
        asked: min(
            m for a, m in moments if a == asked and next_question(asked, since=start, now=start + timedelta(minutes=m))
        )
        for asked in range(ALARM)
    }
    assert due == {0: 5, 1: 15, 2: 60, 3: 65}
    assert next_question(ALARM, since=start, now=start + timedelta(days=9)) is None


def test_case_22_what_was_placed_is_asked_again_word_for_word_with_its_number(shopper, time_machine_at):
    with capture_events() as events:
        order = shopper.buy()
    first = events[0].data
    assert minutes_later(time_machine_at, 4.9) == []
    for minutes, repeat in ((5, 1), (15, 2), (60, 3)):
        assert minutes_later(time_machine_at, minutes) == [("placed", {**first, "repeat": repeat})]
        assert minutes_later(time_machine_at, minutes + 1) == []
    assert Order.objects.get(pk=order.pk).state == "pending_stock"


def test_those_who_were_asked_for_lately_do_not_crowd_out_others(shopper, time_machine_at):
    first = shopper.buy()
    now = timezone.now()
    assert unanswered_orders(now=now + timedelta(minutes=4), limit=1) == []
    assert unanswered_orders(now=now + timedelta(minutes=6), limit=1) == [first.pk]
    assert len(minutes_later(time_machine_at, 6)) == 1
    second = shopper.buy("TEE-M", 1)
    assert unanswered_orders(now=now + timedelta(minutes=7), limit=1) == [second.pk]
    assert unanswered_orders(now=now + timedelta(minutes=16), limit=1) == [first.pk]


def test_a_confirmed_order_is_due_by_when_it_was_confirmed(shopper):
    late, early = shopper.buy(), shopper.buy("TEE-M", 1)
    now = timezone.now()
    Order.objects.filter(pk=late.pk).update(state="confirmed", placed_at=now - timedelta(minutes=20), state_since=now)
    Order.objects.filter(pk=early.pk).update(
        state="confirmed", placed_at=now - timedelta(minutes=10), state_since=now - timedelta(minutes=9)
    )
    assert unanswered_orders(now=now, limit=1) == [early.pk]


def test_an_order_that_cannot_be_asked_for_keeps_nobody_else_waiting(shopper, time_machine_at, caplog):
    broken, other = shopper.buy(), shopper.buy("TEE-M", 1)
    Quote.objects.filter(order=broken).update(lines=[{}])
    asked = minutes_later(time_machine_at, 5)
    assert [data["order_id"] for _, data in asked] == [str(other.id)]
    assert [record.order_id for record in caplog.records if "could not do" in record.message] == [str(broken.id)]
    assert Order.objects.get(pk=broken.pk).asked_again == 0


def test_an_order_that_cannot_expire_keeps_nobody_elses_stock(shopper, time_machine_at, settings, caplog):
    settings.EXPIRY_WAITS_FOR = []
    broken, other = shopper.buy(), shopper.buy("TEE-M", 1)
    Order.objects.filter(pk=broken.pk).update(number="not a number")
    with time_machine_at(hours=5):
        assert expire_orders() == 1
    assert Order.objects.get(pk=other.pk).state == "expired"
    assert [record.order_id for record in caplog.records if "could not do" in record.message] == [str(broken.id)]
    Order.objects.filter(pk=broken.pk).update(number=broken.number)


def test_case_22_a_confirmed_order_is_asked_for_from_the_moment_of_its_confirmation(shopper, say, time_machine_at):
    order = shopper.buy()
    with time_machine_at(minutes=3):
        say(order, "stock.reserved")
        assert minutes_later(time_machine_at, 6) == []  # who waits for the shopper is not asked
        say(order, "payment.authorized")
        assert minutes_later(time_machine_at, 4.5) == []
        asked = minutes_later(time_machine_at, 5.5)
        assert asked == [
            (
                "confirmed",
                {
                    "order_id": str(order.id),
                    "order_number": order.number,
                    "user_id": str(order.user_id),
                    "payment_id": str(order.payment_id),
                    "repeat": 1,
                },
            )
        ]
        say(order, "stock.committed")
        say(order, "payment.captured")
    assert minutes_later(time_machine_at, 100) == []


def test_case_22_an_open_refund_is_asked_for_under_its_id_until_it_is_answered(paid, staff, say, time_machine_at):
    with capture_events() as events:
        staff.refund(paid, amount={"amount_minor": 100, "currency": "EUR"})
    first = events[0].data
    assert minutes_later(time_machine_at, 6) == [("refund_requested", {**first, "repeat": 1})]
    amount = {"amount_minor": 100, "currency": "EUR"}
    say(paid, "payment.refund_failed", refund_id=first["refund_id"], amount=amount)
    assert minutes_later(time_machine_at, 61) == []  # a failed one waits for a person
    assert Refund.objects.get().asked_again == 1


def test_case_22_after_the_third_question_an_alarm_is_logged_counted_and_explained_once(
    shopper, time_machine_at, caplog, client, capsys
):
    from django.core.management import call_command

    order = shopper.buy()
    for minutes in (5, 15, 60):
        assert len(minutes_later(time_machine_at, minutes)) == 1
    with caplog.at_level(logging.ERROR):
        assert minutes_later(time_machine_at, 65) == []
        assert minutes_later(time_machine_at, 95) == []
    assert [record.order_number for record in caplog.records if "ALARM" in record.message] == [order.number]
    assert "orders_unanswered 1.0" in client.get("/metrics").content.decode()
    call_command("explain_order", order.number)
    assert "ALARM: it was asked for three times" in capsys.readouterr().out
    assert audit_invariants() == 1
    assert Violation.objects.get().subject == order.number


def test_case_22_a_late_answer_ends_the_questions_and_the_next_state_starts_anew(shopper, say, time_machine_at):
    order = shopper.buy()
    minutes_later(time_machine_at, 5)
    minutes_later(time_machine_at, 15)
    say(order, "stock.reserved")
    assert Order.objects.get(pk=order.pk).asked_again == 0
    with capture_events() as events:
        say(order, "stock.reserved")  # the repeated answer
    assert said(events) == []


@pytest.mark.parametrize("pause", [70, 60 * 24])
def test_case_22_after_a_pause_of_the_sweep_one_question_is_asked_at_a_time(shopper, time_machine_at, pause):
    shopper.buy()
    for repeat in (1, 2, 3):
        assert [data["repeat"] for _, data in minutes_later(time_machine_at, pause)] == [repeat]


def test_case_22_who_was_answered_between_the_sweep_and_its_question_is_not_asked(shopper, say, paid):
    later = timezone.now() + timedelta(minutes=6)
    order = shopper.buy()
    say(order, "stock.reserved")
    with capture_events() as events:
        assert not ask_for_order(order_id=order.id, now=later)
        assert not ask_for_order(order_id=paid.id, now=later)
    assert said(events) == []


def test_a_question_takes_few_statements(shopper, statements):
    order = shopper.buy()
    with statements() as run:
        assert ask_for_order(order_id=order.id, now=timezone.now() + timedelta(minutes=6))
    assert len(run) <= 8, run
