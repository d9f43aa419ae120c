"""What an event and a call cost at the database: payments' worker is one of the two that limit the shop."""

from __future__ import annotations

from uuid import uuid4

import pytest
from payments.models import ProviderOperation
from payments.use_cases import operations

from tests.conftest import Purchase

PER_EVENT = 8


@pytest.fixture
def counted(purchase, without_workers, statements):
    """The purchase, with a count of the statements that each event takes (its inbox row included)."""

    def say(name: str, at_most: int = PER_EVENT, **data) -> list[str]:
        with statements() as run:
            assert purchase.say(name, **data)
        assert len(run) <= at_most, "\n".join(run)
        return run

    purchase.counted = say
    return purchase


def perform_all(purchase) -> None:
    for operation in ProviderOperation.objects.filter(open_payment=purchase.payment_id, state="pending"):
        operations.perform(operation_id=operation.pk)


def captured(purchase) -> Purchase:
    purchase.pay("tok_success")
    perform_all(purchase)
    purchase.say("confirmed", repeat=0)
    perform_all(purchase)
    assert purchase.state == "captured"
    return purchase


def refund(purchase, amount: int, currency: str = "EUR", **data) -> dict:
    money = {"amount_minor": amount, "currency": currency}
    return {"refund_id": uuid4(), "amount": money, "reason": "return", "lines": [], "repeat": 0, **data}


def test_a_request_for_payment(counted):
    counted.order_id = counted.payment_id = uuid4()
    total = {"amount_minor": 1, "currency": "EUR"}
    counted.counted(
        "payment_requested", 2, guest_token_sha256=None, total=total, expires_at="2099-01-01T00:00:00+00:00"
    )


def test_a_confirmation_that_begins_the_capture(counted):
    counted.pay("tok_success")
    perform_all(counted)
    counted.counted("confirmed", 7, repeat=0)
    assert ProviderOperation.objects.get(state="pending").kind == "capture"


def test_a_confirmation_again(counted):
    captured(counted)
    counted.counted("confirmed", 7, repeat=1)
    assert counted.said()[-1] == "captured"


@pytest.mark.parametrize("name", ["cancelled", "expired", "rejected"])
@pytest.mark.parametrize("before", ["nothing", "waiting", "authorized", "captured", "queued"])
def test_the_end_of_an_order(counted, name, before):
    if before == "captured":
        captured(counted)
    elif before != "nothing":
        counted.pay("tok_action" if before in ("waiting", "queued") else "tok_success")
        perform_all(counted)
    if before == "queued":
        counted.pay("tok_success")
    counted.counted(name, reason="buyer", lines=[])


def test_a_refund_asked_for_answered_again_and_refused(counted):
    captured(counted)
    asked = refund(counted, 100)
    counted.counted("refund_requested", **asked)
    perform_all(counted)
    assert counted.said()[-1] == "refunded"
    counted.counted("refund_requested", **(asked | {"repeat": 1}))
    for _ in range(4):
        counted.say("refund_requested", **refund(counted, 100))
        perform_all(counted)
    counted.counted("refund_requested", **refund(counted, 100))  # as many as ever
    counted.counted("refund_requested", **refund(counted, 99999))
    counted.counted("refund_requested", **refund(counted, 5, currency="USD"))


def test_a_refund_of_a_contested_payment(counted):
    captured(counted)
    [intent] = counted.intents()
    counted.provider._client.post(f"/admin/intents/{intent['id']}/dispute", json={"amount": 500})
    operations.look(attempt_id=counted.payment.attempts.get().pk)
    counted.counted("refund_requested", **refund(counted, 100))
    counted.provider._client.post(f"/admin/intents/{intent['id']}/dispute/lost")
    operations.look(attempt_id=counted.payment.attempts.get().pk)
    perform_all(counted)
    counted.counted("refund_requested", **refund(counted, 100))


def test_a_call_and_its_result(counted, statements):
    """Claim, read, lock, three reads under it; attempt, operation, payment, event, posting and entries are written."""
    counted.pay("tok_success")
    with statements() as authorising:
        perform_all(counted)
    counted.say("confirmed", repeat=0)
    with statements() as capturing:
        perform_all(counted)
    counted.say("refund_requested", **refund(counted, 100))
    with statements() as refunding:
        perform_all(counted)
    assert counted.said() == ["authorized", "captured", "refunded"]
    assert (len(authorising) - 1, len(capturing) - 1, len(refunding) - 1) <= (12, 11, 12), "\n".join(capturing)


def test_what_follows_costs_no_more_than_one_more_call(counted, statements):
    """Two refunds, one after the other by the same worker."""
    captured(counted)
    counted.say("refund_requested", **refund(counted, 100))
    counted.say("refund_requested", **refund(counted, 100))
    with statements() as run:
        perform_all(counted)
    assert counted.said()[-2:] == ["refunded", "refunded"]
    assert len(run) - 1 <= 25, "\n".join(run)


def test_a_webhook_that_tells_nothing_new_wakes_nobody(counted, statements):
    captured(counted)
    for webhook in counted.webhooks(2):
        with statements() as run:
            assert counted.hand_over(webhook).status_code == 200
        about_it = [sql for sql in run if "payments_" in sql]
        assert len(about_it) <= 2, "\n".join(run)


def test_an_event_handled_before_costs_one_statement(counted, statements):
    event_id = uuid4()
    counted.say("confirmed", event_id=event_id, repeat=0)
    with statements() as run:
        counted.say("confirmed", event_id=event_id, repeat=0)
    assert len(run) == 1
