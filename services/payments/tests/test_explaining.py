"""`explain_payment` says in words where the money is and who owes the next step."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from payments.use_cases import operations


def explained(purchase) -> str:
    out = StringIO()
    call_command("explain_payment", purchase.number.lower(), stdout=out)
    return out.getvalue()


def test_nobody_has_paid(purchase):
    said = explained(purchase)
    assert "of €129.99 is created." in said
    assert "Due is €129.99: the order's total, not to be taken before the order is confirmed." in said
    assert "The shopper owes the next step, until" in said


def test_time_is_up(purchase, time_machine_at):
    with time_machine_at(minutes=31):
        assert "orders owes order.expired" in explained(purchase)


def test_authorised_and_not_confirmed(purchase):
    purchase.pay("tok_success")
    said = explained(purchase)
    assert "The money is held at the provider, not taken." in said
    assert "Orders owes order.confirmed or order.cancelled." in said
    assert "the books: receivable €129.99" in said


def test_paid_and_partly_paid_back(purchase):
    purchase.pay("tok_success").say("confirmed", repeat=0)
    refund_id = purchase.ask_refund(2999)
    said = explained(purchase)
    assert "Due is €100.00: the total less €29.99 that orders wants back." in said
    assert f"refund of €29.99 asked for by orders (return): succeeded ({refund_id})" in said
    assert "the books: captured €100.00" in said
    assert said.rstrip().endswith("Nothing is owed.")


def test_cancelled_and_given_back(purchase):
    purchase.pay("tok_success").say("confirmed", repeat=0)
    purchase.say("cancelled", reason="buyer")
    said = explained(purchase)
    assert "Due is €0.00: the order is closed (cancelled)." in said
    assert "refund of €129.99 of payments' own (order_closed): succeeded" in said


def test_the_provider_has_not_answered(purchase):
    purchase.pay("tok_timeout_done")
    said = explained(purchase)
    assert "The provider owes its answer to authorise (POST /v1/intents: ReadTimeout)" in said
    assert "Nothing is sent again before it was read." in said


def test_no_worker_has_called(purchase, without_workers):
    purchase.pay("tok_success")
    assert "A worker owes the call to authorise" in explained(purchase)


def test_a_refund_waits_for_a_person(purchase):
    purchase.pay("tok_refund_fails").say("confirmed", repeat=0)
    purchase.ask_refund(10)
    assert "1 failed refunds wait for a person" in explained(purchase)


def test_it_is_contested(purchase):
    purchase.pay("tok_success").say("confirmed", repeat=0)
    path = f"/admin/intents/{purchase.intents()[0]['id']}/dispute"
    purchase.provider._client.post(path, json={"amount": 500})
    operations.look(attempt_id=purchase.payment.attempts.get().pk)
    said = explained(purchase)
    assert "dispute of €5.00 as fraudulent: open, evidence until" in said
    assert "Nothing goes back while the dispute is open" in said


@pytest.mark.parametrize("method", ["tok_action", "tok_decline", "tok_capture_refused"])
def test_every_state_has_words(purchase, method):
    purchase.pay(method).say("confirmed", repeat=0)
    assert len(explained(purchase).splitlines()) > 3


def test_an_unknown_number(purchase):
    with pytest.raises(CommandError, match="There is no payment of CB-NONE"):
        call_command("explain_payment", "CB-NONE")
