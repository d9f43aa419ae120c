"""Cases 7, 18, 19 and 22: money that orders wants back, in parts, and exactly one answer to each."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.utils import timezone
from payments.models import ProviderOperation, Refund
from payments.use_cases.refunds import retry_refund

TOTAL = 12999


def answers(purchase) -> list[tuple[str, str | None, int, str | None]]:
    """(refunded | refund_failed, refund id, amount, code) in the order in which they were said."""
    return [
        (name, data["refund_id"], data["amount"]["amount_minor"], data.get("code"))
        for name, data in purchase.events()
        if name in ("refunded", "refund_failed")
    ]


@pytest.fixture
def paid(purchase):
    return purchase.pay("tok_success").say("confirmed", repeat=0) and purchase


def test_case_18_refunds_in_parts_go_back_each_once_and_never_more_than_was_captured(paid):
    parts = [(paid.ask_refund(amount), amount) for amount in (5000, 4000, 3999)]
    assert answers(paid) == [("refunded", str(refund_id), amount, None) for refund_id, amount in parts]
    assert paid.kept() == 0

    late = paid.ask_refund(1)

    assert answers(paid)[3:] == [("refund_failed", str(late), 1, "refund_exceeds_captured")]
    assert paid.kept() == 0
    assert paid.shown()["refunded"]["amount_minor"] == TOTAL


def test_case_18_the_part_that_is_too_large_is_refused_and_the_next_smaller_one_goes_back(paid, caplog):
    first = paid.ask_refund(8000)
    second = paid.ask_refund(8000)
    third = paid.ask_refund(4999)
    assert answers(paid) == [
        ("refunded", str(first), 8000, None),
        ("refund_failed", str(second), 8000, "refund_exceeds_captured"),
        ("refunded", str(third), 4999, None),
    ]
    assert paid.kept() == 0
    assert "ALARM: a refund is refused: refund_exceeds_captured" in caplog.text


def test_case_18_two_parts_asked_for_before_anything_was_sent(paid, without_workers, sweep):
    first, second = paid.ask_refund(8000), paid.ask_refund(8000)
    assert answers(paid) == [("refund_failed", str(second), 8000, "refund_exceeds_captured")]
    sweep()
    assert answers(paid)[1:] == [("refunded", str(first), 8000, None)]
    assert paid.kept() == TOTAL - 8000


@pytest.mark.parametrize(
    ("money", "code"),
    [
        ({"amount_minor": 100, "currency": "USD"}, "wrong_currency"),
        ({"amount_minor": 0, "currency": "EUR"}, "no_amount"),
    ],
)
def test_what_cannot_be_paid_back_is_answered_at_once(paid, money, code):
    refund_id = uuid4()
    paid.say("refund_requested", refund_id=refund_id, amount=money, reason="return", lines=[], repeat=0)
    assert answers(paid) == [("refund_failed", str(refund_id), money["amount_minor"], code)]
    assert paid.kept() == TOTAL
    paid.say("cancelled", reason="staff")  # what was refused is not taken off what is due
    assert paid.kept() == 0


def test_a_refund_of_what_is_never_captured_is_answered_when_that_is_known(purchase):
    purchase.pay("tok_success")
    refund_id = purchase.ask_refund(100)
    assert answers(purchase) == []
    purchase.say("cancelled", reason="buyer")
    assert answers(purchase) == [("refund_failed", str(refund_id), 100, "nothing_captured")]
    assert (purchase.state, purchase.kept()) == ("voided", 0)


def test_a_refund_of_a_closed_payment_is_refused(purchase):
    purchase.say("cancelled", reason="buyer")
    refund_id = purchase.ask_refund(100)
    assert answers(purchase) == [("refund_failed", str(refund_id), 100, "nothing_captured")]


def test_case_8_a_refund_that_is_asked_for_while_the_order_is_cancelled(paid, without_workers, sweep):
    refund_id = paid.ask_refund(2999)
    paid.say("cancelled", reason="buyer")
    for _ in range(3):
        sweep()
    assert answers(paid) == [("refunded", str(refund_id), 2999, None), ("refunded", None, 10000, None)]
    assert paid.kept() == 0


def test_case_8_a_refund_that_is_asked_for_after_the_order_was_cancelled_is_refused(paid, without_workers, sweep):
    paid.say("cancelled", reason="buyer")
    refund_id = paid.ask_refund(2999)
    for _ in range(3):
        sweep()
    assert answers(paid) == [
        ("refund_failed", str(refund_id), 2999, "refund_exceeds_captured"),
        ("refunded", None, TOTAL, None),
    ]
    assert paid.kept() == 0


@pytest.mark.parametrize("method", ["tok_success", "tok_refund_fails"])
def test_case_22_a_refund_that_was_answered_is_answered_again_and_not_paid_again(purchase, method):
    purchase.pay(method).say("confirmed", repeat=0)
    refund_id = purchase.ask_refund(2999)
    [first] = answers(purchase)
    kept = purchase.kept()
    for repeat in (1, 2, 3):
        purchase.ask_refund(2999, refund_id, repeat=repeat)
    assert answers(purchase) == [first] * 4
    assert purchase.kept() == kept
    assert Refund.objects.count() == 1
    purchase.ask_refund(2999, refund_id)  # the first request, delivered late
    assert answers(purchase) == [first] * 4


def test_case_22_a_refusal_is_told_again_with_its_code(paid):
    refund_id = paid.ask_refund(TOTAL + 1)
    paid.ask_refund(TOTAL + 1, refund_id, repeat=1)
    assert answers(paid) == [("refund_failed", str(refund_id), TOTAL + 1, "refund_exceeds_captured")] * 2


def test_case_22_what_has_no_answer_yet_is_not_answered_by_a_repeat(paid, without_workers, sweep):
    refund_id = paid.ask_refund(2999)
    for repeat in (1, 2):
        paid.ask_refund(2999, refund_id, repeat=repeat)
    assert answers(paid) == []
    sweep()
    assert answers(paid) == [("refunded", str(refund_id), 2999, None)]
    assert paid.kept() == 10000


def test_case_22_a_repeat_whose_first_request_was_lost_is_the_request(paid):
    refund_id = paid.ask_refund(2999, repeat=2)
    assert answers(paid) == [("refunded", str(refund_id), 2999, None)]


def test_case_22_a_confirmation_again_tells_the_capture_again(purchase):
    purchase.pay("tok_success").say("confirmed", repeat=0)
    first = purchase.events()[-1]
    for repeat in (1, 2, 3):
        purchase.say("confirmed", repeat=repeat)
    assert purchase.said() == ["authorized", *["captured"] * 4]
    assert [event for event in purchase.events() if event[0] == "captured"] == [first] * 4
    assert purchase.done("captured") == 1


def test_case_22_a_confirmation_again_tells_the_refused_capture_again(purchase):
    purchase.pay("tok_capture_refused").say("confirmed", repeat=0)
    purchase.say("confirmed", repeat=1)
    assert purchase.said() == ["authorized", "capture_failed", "capture_failed"]
    assert [data["code"] for name, data in purchase.events()[1:]] == ["authorization_revoked"] * 2


def test_case_22_a_confirmation_again_while_the_capture_is_under_way_says_nothing(purchase, without_workers, sweep):
    purchase.pay("tok_success")
    sweep()
    purchase.say("confirmed", repeat=0)
    purchase.say("confirmed", repeat=1)
    assert purchase.said() == ["authorized"]
    sweep()
    assert purchase.said() == ["authorized", "captured"]


def test_case_19_what_was_refused_cannot_be_sent_by_a_person(paid, api):
    from auth_jwt.testing import bearer

    refund_id = paid.ask_refund(TOTAL + 1)
    path = f"/api/v1/staff/payments/{paid.payment_id}/refunds/{refund_id}/retry"
    answer = api.post(path, headers=bearer(uuid4(), ["finance"]))
    assert (answer.status_code, answer.json()["code"]) == (409, "refund_not_failed")


def test_case_19_a_failed_refund_keeps_its_share_until_it_is_retried(purchase, sweep):
    purchase.pay("tok_refund_fails").say("confirmed", repeat=0)
    failed = purchase.ask_refund(8000)
    other = purchase.ask_refund(8000)
    assert answers(purchase)[1:] == [("refund_failed", str(other), 8000, "refund_exceeds_captured")]
    retry_refund(payment_id=purchase.payment_id, refund_id=failed, now=timezone.now())
    for _ in range(2):
        sweep()
    assert answers(purchase)[2:] == [("refunded", str(failed), 8000, None)]
    assert purchase.kept() == TOTAL - 8000


def test_case_19_a_provider_that_is_away_is_asked_until_it_answers(paid, sweep, provider):
    provider.kill()
    refund_id = paid.ask_refund(2999)
    for _ in range(2):
        sweep(seconds=301)
    assert answers(paid) == []
    provider.start()
    for _ in range(2):
        sweep(seconds=301)
    assert answers(paid) == [("refunded", str(refund_id), 2999, None)]
    assert paid.kept() == 10000


def test_refunds_that_wait_are_sent_one_after_the_other_by_one_worker(paid, without_workers):
    from payments.use_cases import operations

    for amount in (1000, 2000, 3000):
        paid.ask_refund(amount)
    operations.perform(operation_id=ProviderOperation.objects.get(open_payment=paid.payment_id).pk)
    assert [name for name, *_ in answers(paid)] == ["refunded"] * 3
    assert paid.kept() == TOTAL - 6000


def test_a_refund_for_an_order_that_is_not_ours_raises_an_alarm(paid, caplog):
    paid.order_id = uuid4()
    paid.ask_refund(100)
    assert "ALARM: a refund for a payment that is not ours" in caplog.text
    assert Refund.objects.count() == 0
