"""Case 15: the provider is silent, errs or is slow. Nobody guesses: it is read first, and nothing happens twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from payments.domain.facts import Seen
from payments.models import ProviderOperation
from payments.providers.base import Unanswered
from payments.use_cases import calls, operations
from payments.use_cases.refunds import retry_refund


def operations_of(purchase, kind: str) -> list[str]:
    return list(ProviderOperation.objects.filter(kind=kind).order_by("attempt_number").values_list("state", flat=True))


@pytest.mark.parametrize("method", ["tok_timeout_done", "tok_error_done"])
def test_case_15_authorised_but_no_good_answer(purchase, sweep, method):
    purchase.pay(method)
    assert (purchase.state, operations_of(purchase, "authorize")) == ("sent", ["unknown"])
    assert purchase.shown()["status"] == "authorizing"
    assert purchase.confirm("tok_success").json()["code"] == "payment_in_progress"

    sweep()

    assert purchase.said() == ["authorized"]
    assert len(purchase.intents()) == 1


@pytest.mark.parametrize("method", ["tok_timeout_lost", "tok_error_500"])
def test_case_15_no_answer_and_nothing_was_done(purchase, sweep, method):
    purchase.pay(method)
    assert purchase.said() == []

    sweep()

    assert (purchase.said(), purchase.state) == (["failed"], "created")
    assert purchase.events()[0][1] | {"code": "provider_unavailable", "retryable": True} == purchase.events()[0][1]
    purchase.pay("tok_success").say("confirmed", repeat=0)
    assert purchase.kept() == 12999


def test_case_15_slow_is_not_lost(purchase):
    purchase.pay("tok_slow")
    assert purchase.said() == ["authorized"]


def test_case_15_processing_is_read_until_it_is_decided(purchase, sweep, wait_for):
    purchase.pay("tok_processing")
    assert purchase.state == "sent"
    wait_for(lambda: purchase.intents()[0]["status"] == "authorized")
    sweep()
    purchase.say("confirmed", repeat=0)
    assert purchase.said() == ["authorized", "captured"]


@pytest.mark.parametrize(
    ("method", "states"),
    [("tok_capture_timeout_done", ["done"]), ("tok_capture_timeout_lost", ["not_executed", "done"])],
)
def test_case_15_a_capture_without_answer_is_read_before_anything_is_sent(purchase, sweep, method, states):
    purchase.pay(method).say("confirmed", repeat=0)
    assert purchase.said() == ["authorized"]
    purchase.say("confirmed", repeat=1)
    assert operations_of(purchase, "capture") == ["unknown"]

    sweep()
    sweep()

    assert purchase.said() == ["authorized", "captured"]
    assert operations_of(purchase, "capture") == states
    assert (purchase.done("captured"), purchase.done("capture repeated")) == (1, 0)


@pytest.mark.parametrize("method", ["tok_capture_timeout_done", "tok_capture_timeout_lost"])
def test_case_7_cancelled_while_the_capture_is_unknown(purchase, sweep, method):
    purchase.pay(method).say("confirmed", repeat=0)
    purchase.say("cancelled", reason="buyer")

    for _ in range(3):
        sweep()

    won = method == "tok_capture_timeout_done"
    assert purchase.said() == (["authorized", "captured", "refunded"] if won else ["authorized", "voided"])
    assert purchase.kept() == 0


def test_a_provider_that_is_down_is_asked_again_until_it_answers(purchase, sweep, provider):
    purchase.pay("tok_success")
    provider.kill()
    purchase.say("confirmed", repeat=0)
    for _ in range(3):
        sweep(seconds=301)
    assert (purchase.said(), operations_of(purchase, "capture")) == (["authorized"], ["unknown"])

    provider.start()
    sweep(seconds=301)
    sweep()

    assert purchase.said() == ["authorized", "captured"]
    assert purchase.done("captured") == 1


def test_a_worker_that_died_after_it_had_called_is_noticed(purchase, sweep, without_workers, monkeypatch):
    """The call is made, then the process is gone: no result is written down."""
    purchase.pay("tok_success")
    sweep()
    purchase.say("confirmed", repeat=0)

    class Died(BaseException):
        pass

    def die(**_):
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(operations, "record", die)
        with pytest.raises(Died):
            operations.perform(operation_id=ProviderOperation.objects.get(kind="capture").pk)
    assert operations_of(purchase, "capture") == ["sent"]

    sweep()

    assert (purchase.said(), purchase.done("captured")) == (["authorized", "captured"], 1)


def test_a_worker_that_died_before_it_called_is_noticed(purchase, sweep, without_workers, monkeypatch):
    purchase.pay("tok_success")
    monkeypatch.setattr(operations.calls, "call", _die)
    with pytest.raises(KeyboardInterrupt):
        operations.perform(operation_id=ProviderOperation.objects.get().pk)
    monkeypatch.undo()

    sweep()

    assert (purchase.said(), purchase.state) == (["failed"], "created")


def _die(operation):
    raise KeyboardInterrupt


def test_without_workers_the_sweep_does_everything(purchase, sweep, without_workers):
    purchase.pay("tok_success")
    purchase.say("confirmed", repeat=0)
    assert purchase.said() == []
    for _ in range(2):
        sweep()
    assert purchase.said() == ["authorized", "captured"]


def test_a_lost_attempt_that_succeeds_after_all_is_given_back(purchase, sweep, provider):
    """The provider did it after we had read that it had not."""
    purchase.pay("tok_timeout_lost")
    sweep()
    purchase.pay("tok_success").say("confirmed", repeat=0)
    lost = purchase.payment.attempts.get(number=1)
    body = {"reference": str(lost.pk), "amount": 12999, "currency": "EUR", "payment_method": "tok_success"}
    provider._client.post("/v1/intents", json=body, headers={"Idempotency-Key": f"late-{lost.pk}"})
    assert purchase.kept() == 2 * 12999

    sweep(seconds=90)

    assert purchase.kept() == 12999
    assert purchase.said() == ["failed", "authorized", "captured"]
    lost.refresh_from_db()
    assert lost.state == "given_back"


def test_a_lost_attempt_that_succeeds_before_another_is_made_is_given_back(purchase, sweep, provider):
    purchase.pay("tok_timeout_lost")
    sweep()
    lost = purchase.payment.attempts.get()
    body = {"reference": str(lost.pk), "amount": 12999, "currency": "EUR", "payment_method": "tok_success"}
    provider._client.post("/v1/intents", json=body, headers={"Idempotency-Key": f"late-{lost.pk}"})
    sweep(seconds=90)
    assert purchase.kept() == 0
    purchase.pay("tok_success")
    assert purchase.kept() == 12999


def test_case_19_a_failed_refund_waits_for_a_person(purchase, sweep):
    purchase.pay("tok_refund_fails").say("confirmed", repeat=0)
    refund_id = purchase.ask_refund(2999)

    assert purchase.events()[-1] == ("refund_failed", purchase.events()[-1][1])
    assert purchase.events()[-1][1]["refund_id"] == str(refund_id)
    sweep()
    assert purchase.kept() == 12999


def test_refunds_that_are_pending_are_answered_once(purchase, sweep, wait_for):
    purchase.pay("tok_refund_pending").say("confirmed", repeat=0)
    refund_id = purchase.ask_refund(2999)
    other = purchase.ask_refund(1000)
    assert purchase.said() == ["authorized", "captured"]

    wait_for(lambda: purchase.intents()[0]["refunds"][0]["status"] == "succeeded")
    sweep()
    wait_for(lambda: [row["status"] for row in purchase.intents()[0]["refunds"]] == ["succeeded", "succeeded"])
    sweep()

    answered = [data["refund_id"] for name, data in purchase.events() if name == "refunded"]
    assert answered == [str(refund_id), str(other)]
    assert purchase.kept() == 9000


def test_a_refund_that_is_pending_for_days_is_read_ever_more_rarely(purchase):
    purchase.pay("tok_refund_pending").say("confirmed", repeat=0)
    purchase.ask_refund(2999)
    waits = []
    for _ in range(10):
        operation = ProviderOperation.objects.get(kind="refund")
        seen = Seen("captured", 12999, "EUR", timezone.now(), refunds={operation.reference: "pending"})
        operations.record(operation=operation, seen=seen)
        operation.refresh_from_db()
        waits.append(operation.next_look_at - timezone.now())
    assert waits[0] < timedelta(seconds=10)
    assert waits[-1] > timedelta(minutes=4)
    assert operation.state == "unknown"


@pytest.fixture
def sent_again(purchase, without_workers, sweep):
    """A refund that failed once and is being sent again by a worker that is slow: the row as it has it."""
    purchase.pay("tok_refund_fails").say("confirmed", repeat=0)
    sweep()
    sweep()
    refund_id = purchase.ask_refund(2999)
    sweep()
    assert purchase.said()[-1] == "refund_failed"
    retry_refund(payment_id=purchase.payment_id, refund_id=refund_id, now=timezone.now())
    rows = ProviderOperation.objects.filter(kind="refund", attempt_number=2, state="pending")
    assert rows.update(state="sent", sent_at=timezone.now()) == 1
    return ProviderOperation.objects.get(kind="refund", attempt_number=2)


def test_a_worker_that_was_given_up_while_it_read_first_sends_no_refund(purchase, sent_again, sweep):
    operations.read_back(operation_id=sent_again.pk)  # not there: another sending is begun
    with pytest.raises(Unanswered):
        calls.call(sent_again)
    sweep()
    assert purchase.kept() == 12999 - 2999
    assert purchase.said()[-1] == "refunded"


def test_what_was_read_before_a_slow_worker_sent_its_refund_begins_no_other(purchase, sent_again, sweep):
    older = ProviderOperation.objects.get(pk=sent_again.pk)
    seen = calls.read(older.payment.provider, older.attempt)
    calls.call(sent_again)

    operations.record(operation=older, seen=seen, wake=True)

    sweep()
    assert operations_of(purchase, "refund") == ["done", "done"]
    assert purchase.kept() == 12999 - 2999


def test_an_authorisation_that_ran_out_at_the_provider_cannot_be_captured(purchase, provider):
    purchase.pay("tok_success")
    intent = purchase.intents()[0]
    provider._client.post(f"/v1/intents/{intent['id']}/cancel", headers={"Idempotency-Key": f"ran-out-{intent['id']}"})

    purchase.say("confirmed", repeat=0)

    assert (purchase.state, purchase.said()) == ("failed", ["authorized", "capture_failed"])


def test_an_unknown_method_counts_as_declined(purchase):
    purchase.pay("tok_nobody_knows")
    assert purchase.events()[-1][1]["code"] == "unknown_payment_method"
    assert purchase.state == "created"
