"""The sweep: one row that cannot be read does not stop the others, and two sweeps do not do the same."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from payments.models import Attempt, Payment, ProviderOperation, WebhookEvent
from payments.use_cases import operations, webhooks
from payments.use_cases.sweep import sweep as run_sweep

from tests.conftest import Purchase
from tests.test_concurrency import together


@pytest.fixture
def poisoned(purchase, api, provider, listener):
    """`poisoned(method)`: another purchase, whose row cannot be read any more, and which is looked at first."""

    def make(method: str, prepare) -> Purchase:
        other = Purchase(api, provider, listener, user_id=uuid4()).request()
        other.pay(method)
        prepare()
        Payment.objects.filter(pk=other.payment_id).update(state="nonsense")
        return other

    return make


def test_an_operation_that_cannot_be_recorded_does_not_stop_the_sweep(purchase, poisoned, without_workers, sweep):
    other = poisoned("tok_success", lambda: None)
    purchase.pay("tok_success")
    sweep()
    assert purchase.said() == ["authorized"]
    waits = [ProviderOperation.objects.get(open_payment=other.payment_id).next_look_at]
    for _ in range(4):
        sweep(seconds=400)
        waits.append(ProviderOperation.objects.get(open_payment=other.payment_id).next_look_at)
    assert waits == sorted(set(waits))
    assert ProviderOperation.objects.get(open_payment=other.payment_id).reads >= 4


def test_a_payment_that_cannot_be_read_does_not_stop_the_sweep(purchase, poisoned, without_workers, sweep):
    other = poisoned("tok_action", sweep)
    before = Payment.objects.get(pk=other.payment_id).settle_at
    purchase.pay("tok_action")
    sweep()
    purchase.provider.shopper(purchase.intents()[0], "approve")
    sweep()
    assert purchase.said() == ["authorized"]
    assert Payment.objects.get(pk=other.payment_id).settle_at > before + operations.LONGEST_WAIT


def test_a_doubtful_attempt_that_cannot_be_read_does_not_stop_the_sweep(purchase, poisoned, without_workers, sweep):
    other = poisoned("tok_decline", sweep)
    purchase.pay("tok_decline")
    sweep()
    Attempt.objects.update(look_again_at=timezone.now())
    Attempt.objects.filter(payment_id=other.payment_id).update(look_again_at=timezone.now() - timedelta(minutes=1))
    sweep()
    assert Attempt.objects.get(payment_id=other.payment_id).look_again_at > timezone.now() + operations.LONGEST_WAIT
    assert Attempt.objects.get(payment_id=purchase.payment_id).look_again_at is not None


def test_a_webhook_that_cannot_be_handled_is_given_up_and_stops_nobody(purchase, poisoned, without_workers, sweep):
    other = poisoned("tok_action", sweep)
    other.hand_over(other.webhooks()[0])
    purchase.pay("tok_action")
    sweep()
    purchase.provider.shopper(purchase.intents()[0], "approve")
    Payment.objects.update(settle_at=None)
    purchase.hand_over(purchase.webhooks(2)[1])
    for _ in range(webhooks.MOST_TRIES + 2):
        sweep()
    assert purchase.said() == ["authorized"]
    assert not WebhookEvent.objects.filter(handled_at=None).exists()


def test_a_provider_that_is_away_moves_the_look_at_a_waiting_payment(purchase, sweep, provider):
    purchase.pay("tok_action")
    before = purchase.payment.settle_at
    provider.kill()
    sweep()
    assert purchase.payment.settle_at > before
    provider.start()


def test_sweeps_at_once_read_a_silent_call_once(purchase, monkeypatch):
    """All have found the row before any of them claims it."""
    purchase.pay("tok_timeout_done")
    read: list = []
    monkeypatch.setattr(operations, "read_back", lambda operation_id: read.append(operation_id))
    found, later = Barrier(4), timezone.now() + timedelta(seconds=40)

    def wait(execute, sql, params, many, context):
        if sql.startswith("UPDATE `payments_provideroperation`"):
            found.wait(10)
        return execute(sql, params, many, context)

    def run() -> int:
        with connection.execute_wrapper(wait):
            return run_sweep(now=later)

    assert together(*[run] * 4) == [1] * 4
    assert len(read) == 1


def test_a_very_long_outage_does_not_make_an_operation_unreadable(purchase, sweep, provider):
    purchase.pay("tok_timeout_done")
    ProviderOperation.objects.update(reads=1000)
    provider.kill()
    sweep()
    assert ProviderOperation.objects.get().error != ""
    provider.start()
    sweep(seconds=400)
    assert purchase.said() == ["authorized"]
