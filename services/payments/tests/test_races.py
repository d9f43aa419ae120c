"""Races with real threads against the real database, again and again: whoever wins, the money is where it is due."""

from __future__ import annotations

from uuid import uuid4

import pytest
from chassis.problems import Conflict
from django.utils import timezone
from outbox.transactions import retry_conflicts
from payments.models import Payment, ProviderOperation, Refund
from payments.tasks import settle_payments
from payments.use_cases import operations, payments
from payments.use_cases.audit import check_invariants
from payments.use_cases.refunds import RefundRequest, ask_refund

from tests.conftest import TOTAL, Purchase
from tests.test_concurrency import together

TIMES = 100


@pytest.fixture
def another(api, connected, eager_tasks, without_workers, provider, listener):
    """Orders that ask to be paid, one after the other."""
    return lambda: Purchase(api, provider, listener, user_id=uuid4()).request()


def confirm(purchase: Purchase, method: str = "tok_success"):
    def run():
        payment = Payment.objects.get(pk=purchase.payment_id)
        return retry_conflicts(
            lambda: payments.confirm_payment(
                payment=payment, payment_method=method, return_url="https://shop.example/paid", now=timezone.now()
            )
        )

    return run


def close(purchase: Purchase, by: str = "cancelled"):
    return lambda: retry_conflicts(
        lambda: payments.close_payment(order_id=purchase.order_id, by=by, now=timezone.now())
    )


def allow(purchase: Purchase):
    return lambda: retry_conflicts(lambda: payments.allow_capture(order_id=purchase.order_id, now=timezone.now()))


def refund(purchase: Purchase, refund_id, amount: int):
    request = RefundRequest(refund_id, amount, "EUR", "return")
    return lambda: retry_conflicts(lambda: ask_refund(order_id=purchase.order_id, request=request, now=timezone.now()))


def perform(purchase: Purchase):
    """A worker with whatever is open, once."""

    def run():
        for operation in ProviderOperation.objects.filter(open_payment=purchase.payment_id):
            operations.perform(operation_id=operation.pk)

    return run


def comes_to_rest(purchase: Purchase) -> None:
    while ProviderOperation.objects.filter(open_payment=purchase.payment_id).exists():
        perform(purchase)()


def paid(purchase: Purchase) -> Purchase:
    confirm(purchase)()
    comes_to_rest(purchase)
    allow(purchase)()
    comes_to_rest(purchase)
    return purchase


def failures(results: list, *expected: type[Exception]) -> list:
    return [each for each in results if isinstance(each, Exception) and not isinstance(each, expected)]


def test_case_5_two_confirmations_a_hundred_times(another):
    for _ in range(TIMES):
        purchase = another()
        results = together(confirm(purchase), confirm(purchase))
        assert sorted(isinstance(each, Conflict) for each in results) == [False, True]
        assert not failures(results, Conflict)
        assert purchase.payment.attempts.count() == 1
        assert ProviderOperation.objects.filter(payment_id=purchase.payment_id).count() == 1


def test_case_10_cancel_against_pay_a_hundred_times(another):
    ends = set()
    for _ in range(TIMES):
        purchase = another()
        results = together(confirm(purchase), close(purchase), perform(purchase))
        assert not failures(results, Conflict), results
        comes_to_rest(purchase)
        payment = purchase.payment
        ends.add(payment.state)
        assert payment.state in ("closed", "voided"), payment.state
        assert purchase.kept() == 0
    assert "closed" in ends
    assert check_invariants(now=timezone.now()) == []


def test_case_7_cancel_against_capture_a_hundred_times(another):
    for _ in range(TIMES):
        purchase = another()
        confirm(purchase)()
        comes_to_rest(purchase)
        results = together(allow(purchase), close(purchase), perform(purchase))
        assert not failures(results), results
        comes_to_rest(purchase)
        assert purchase.said() in (["authorized", "voided"], ["authorized", "captured", "refunded"])
        assert purchase.kept() == 0
    assert check_invariants(now=timezone.now()) == []


def test_case_9_expiry_against_an_answer_a_hundred_times(another):
    """The call is under way when the order expires."""
    for _ in range(TIMES):
        purchase = another()
        confirm(purchase)()
        results = together(perform(purchase), close(purchase, "expired"))
        assert not failures(results), results
        comes_to_rest(purchase)
        assert (purchase.state, purchase.said(), purchase.kept()) == ("voided", ["authorized", "voided"], 0)


def test_case_21_one_refund_twice_a_hundred_times(another):
    purchase = paid(another())
    for _ in range(TIMES):
        refund_id = uuid4()
        assert not failures(together(refund(purchase, refund_id, 10), refund(purchase, refund_id, 10)))
        comes_to_rest(purchase)
    assert purchase.said()[2:] == ["refunded"] * TIMES
    assert purchase.kept() == TOTAL - 10 * TIMES


def test_case_18_two_refunds_that_together_are_too_much_a_hundred_times(another):
    for _ in range(TIMES):
        purchase = paid(another())
        ids = [uuid4(), uuid4()]
        assert not failures(together(*[refund(purchase, each, 8000) for each in ids]))
        comes_to_rest(purchase)
        assert sorted(purchase.said()[2:]) == ["refund_failed", "refunded"]
        assert purchase.kept() == TOTAL - 8000
        assert sorted(Refund.objects.filter(pk__in=ids).values_list("state", flat=True)) == ["refused", "succeeded"]
    assert check_invariants(now=timezone.now()) == []


def test_case_8_a_refund_against_a_cancellation_a_hundred_times(another):
    for _ in range(TIMES):
        purchase = paid(another())
        assert not failures(together(refund(purchase, uuid4(), 2999), close(purchase), perform(purchase)))
        comes_to_rest(purchase)
        assert purchase.said().count("refunded") + purchase.said().count("refund_failed") == 2
        assert purchase.kept() == 0
    assert check_invariants(now=timezone.now()) == []


def test_two_sweeps_at_once_a_hundred_times(another):
    for _ in range(TIMES):
        purchase = another()
        confirm(purchase)()
        allow(purchase)()
        ProviderOperation.objects.update(next_look_at=timezone.now())
        assert not failures(together(settle_payments, settle_payments))
        assert purchase.said() == ["authorized", "captured"]
        assert (purchase.done("captured"), purchase.done("capture repeated")) == (1, 0)
