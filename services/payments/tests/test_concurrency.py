"""Threads that want the same at once: one attempt, one capture, one answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

from django.db import connections
from django.utils import timezone
from outbox.transactions import retry_conflicts
from payments.models import ProviderOperation
from payments.tasks import settle_payments
from payments.use_cases import calls, operations, payments
from payments.use_cases.refunds import RefundRequest, ask_refund


def together(*calls):
    """Run these at once, each in a thread; their results, or the exceptions they raised."""
    barrier = Barrier(len(calls))

    def run(call):
        barrier.wait(10)
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - it is the result
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_eight_confirmations_at_once_make_one_attempt(purchase):
    answers = together(*[lambda: purchase.confirm("tok_success").status_code for _ in range(8)])
    assert sorted(answers) == [202] + [409] * 7
    assert purchase.payment.attempts.count() == len(purchase.intents()) == 1
    assert purchase.said() == ["authorized"]


def test_eight_confirmations_at_once_while_one_waits_for_the_shopper(purchase):
    purchase.pay("tok_action")
    answers = together(*[lambda: purchase.confirm("tok_success").status_code for _ in range(8)])
    assert sorted(answers) == [202] + [409] * 7
    assert [intent["status"] for intent in purchase.intents()] == ["cancelled", "authorized"]
    assert purchase.kept() == 12999


def test_eight_workers_with_one_operation_call_once(purchase, without_workers):
    purchase.pay("tok_success")
    operation = ProviderOperation.objects.get()
    together(*[lambda: operations.perform(operation_id=operation.pk) for _ in range(8)])
    assert len(purchase.intents()) == 1
    assert purchase.said() == ["authorized"]


def test_sweeps_at_once_capture_once(purchase, without_workers):
    purchase.pay("tok_success")
    for _ in range(3):
        ProviderOperation.objects.update(next_look_at=timezone.now() - timedelta(seconds=1))
        assert not [each for each in together(*[settle_payments for _ in range(4)]) if isinstance(each, Exception)]
        purchase.say("confirmed", repeat=0)
    assert purchase.said() == ["authorized", "captured"]
    assert (purchase.done("captured"), purchase.done("capture repeated")) == (1, 0)


def test_the_answer_and_its_webhooks_at_once_say_it_once(purchase, sweep):
    purchase.pay("tok_timeout_done")
    [webhook] = purchase.webhooks()
    operation = ProviderOperation.objects.get()
    results = together(
        *[lambda: operations.read_back(operation_id=operation.pk) for _ in range(3)],
        *[lambda: purchase.hand_over(webhook).status_code for _ in range(3)],
    )
    assert not [each for each in results if isinstance(each, Exception)]
    assert purchase.said() == ["authorized"]


def test_confirmed_and_cancelled_at_once_leave_no_money(purchase):
    """Not the order's own doing (its events come one after the other), but whatever comes, the money follows."""
    purchase.pay("tok_success")
    now, order_id = timezone.now(), purchase.order_id
    together(
        lambda: retry_conflicts(lambda: payments.allow_capture(order_id=order_id, now=now)),
        lambda: retry_conflicts(lambda: payments.close_payment(order_id=order_id, by="cancelled", now=now)),
        lambda: retry_conflicts(lambda: payments.settle_payment(payment_id=purchase.payment_id, now=now)),
    )
    assert purchase.kept() == 0
    assert purchase.said() in (["authorized", "voided"], ["authorized", "captured", "refunded"])


def test_one_refund_asked_for_eight_times_at_once_goes_back_once(purchase):
    purchase.pay("tok_success").say("confirmed", repeat=0)
    refund_id, now = uuid4(), timezone.now()

    def ask():
        request = RefundRequest(refund_id, 100, "EUR", "return")
        ask_refund(order_id=purchase.order_id, request=request, now=now)

    results = together(*[lambda: retry_conflicts(ask) for _ in range(8)])
    assert results == [None] * 8
    assert purchase.kept() == 12899
    assert purchase.said() == ["authorized", "captured", "refunded"]


def test_an_answer_that_comes_after_the_operation_was_closed_changes_nothing(purchase, without_workers):
    """A worker that was frozen before the capture, and wakes up after another one has read that it was done."""
    purchase.pay("tok_success")
    operations.perform(operation_id=ProviderOperation.objects.get().pk)
    before = calls.read("sandbox", purchase.payment.attempts.get())
    purchase.say("confirmed", repeat=0)
    capture = ProviderOperation.objects.get(kind="capture")
    operations.perform(operation_id=capture.pk)
    refund_id = purchase.ask_refund(100)

    assert operations.record(operation=capture, seen=before) is None

    capture.refresh_from_db()
    assert (capture.state, purchase.state) == ("done", "captured")
    assert str(ProviderOperation.objects.get(open_payment=purchase.payment_id).refund_id) == str(refund_id)
