"""Case 20: a buyer's bank contests the charge. Told once when it opens and once when it is decided."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from auth_jwt.testing import bearer
from chassis.pytest_plugin import wait_until
from payments.models import Dispute, WebhookEvent
from payments.tasks import handle_webhook
from payments.use_cases import operations
from payments.use_cases.ledger import balances

TOTAL = 12999


def bank(purchase, what: str = "", **body) -> dict:
    """An operator of the sandbox plays the bank: `""` contests, `won` or `lost` decides."""
    [intent] = purchase.intents()
    path = f"/admin/intents/{intent['id']}/dispute" + (f"/{what}" if what else "")
    answer = purchase.provider._client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def hears(purchase, name: str) -> None:
    """Its webhook arrives."""
    [intent] = purchase.intents()

    def told():
        return [each for each in purchase.listener.of(intent["id"]) if json.loads(each[0])["type"] == name]

    purchase.hand_over(wait_until(told)[0])


def disputes(purchase) -> list[tuple]:
    return [
        (name, data["amount"]["amount_minor"], data["reason"], data["outcome"])
        for name, data in purchase.events()
        if name.startswith("dispute")
    ]


def books() -> dict[str, int]:
    return {account: amount for account, _, amount in balances() if amount}


@pytest.fixture
def paid(purchase):
    purchase.pay("tok_success").say("confirmed", repeat=0)
    return purchase


@pytest.mark.parametrize("verdict", ["won", "lost"])
def test_case_20_opened_and_decided_each_told_once(paid, verdict):
    contested = bank(paid, reason="product_not_received")
    for _ in range(2):
        hears(paid, "dispute.opened")
    assert disputes(paid) == [("disputed", TOTAL, "product_not_received", None)]
    assert paid.payment.dispute_state == "open"
    assert books() == {"sales": -TOTAL, "disputed": TOTAL}
    due_by = contested["disputes"][0]["due_by"].replace("+00:00", "Z")
    assert paid.events()[-1][1]["due_by"] == due_by

    bank(paid, verdict)
    for _ in range(2):
        hears(paid, f"dispute.{verdict}")

    assert disputes(paid)[1:] == [("dispute_closed", TOTAL, "product_not_received", verdict)]
    row = Dispute.objects.get()
    assert (row.state, paid.payment.dispute_state) == (verdict, verdict)
    assert row.closed_at is not None
    kept = {"captured": TOTAL} if verdict == "won" else {"chargebacks": TOTAL}
    assert books() == {"sales": -TOTAL, **kept}
    assert paid.payment.lost_minor == (0 if verdict == "won" else TOTAL)


def test_case_20_seen_only_when_it_is_decided_both_are_told_in_order(paid):
    bank(paid, amount=5000)
    bank(paid, "lost")
    hears(paid, "dispute.lost")
    hears(paid, "dispute.opened")  # late
    assert disputes(paid) == [
        ("disputed", 5000, "fraudulent", None),
        ("dispute_closed", 5000, "fraudulent", "lost"),
    ]


def test_case_20_webhooks_in_the_wrong_order_tell_it_in_the_right_one(paid):
    bank(paid)
    hears(paid, "dispute.opened")
    bank(paid, "won")
    hears(paid, "dispute.won")
    hears(paid, "dispute.opened")
    assert [name for name, *_ in disputes(paid)] == ["disputed", "dispute_closed"]


def test_case_20_a_decision_whose_webhook_is_lost_is_found_by_the_sweep(paid, sweep):
    bank(paid)
    hears(paid, "dispute.opened")
    bank(paid, "won")
    sweep(seconds=6 * 3600 + 60)
    assert [name for name, *_ in disputes(paid)] == ["disputed", "dispute_closed"]


def test_case_20_a_second_dispute_of_the_rest(paid):
    bank(paid, amount=4000)
    bank(paid, "lost")
    hears(paid, "dispute.lost")
    bank(paid)
    operations.look(attempt_id=paid.payment.attempts.get().pk)
    assert [amount for _, amount, *_ in disputes(paid)] == [4000, 4000, TOTAL - 4000]
    assert (paid.payment.dispute_state, paid.payment.lost_minor) == ("open", 4000)


def test_case_20_cancelled_while_it_is_contested_nothing_goes_back_until_it_is_decided(paid):
    bank(paid)
    hears(paid, "dispute.opened")
    paid.say("cancelled", reason="staff")
    asked = paid.said()
    assert "refunded" not in asked
    bank(paid, "won")
    hears(paid, "dispute.won")
    assert paid.said()[-1] == "refunded"
    assert paid.kept() == 0


def test_case_20_lost_and_cancelled_only_the_rest_goes_back(paid):
    bank(paid, amount=10000)
    hears(paid, "dispute.opened")
    paid.say("cancelled", reason="staff")
    bank(paid, "lost")
    hears(paid, "dispute.lost")
    assert (paid.said()[-1], paid.events()[-1][1]["amount"]["amount_minor"]) == ("refunded", 2999)
    assert paid.intents()[0]["refunds"][0]["amount"] == 2999
    assert books() == {"sales": -TOTAL, "chargebacks": 10000, "refunded": 2999}


def test_case_20_a_refund_that_was_waiting_for_what_is_lost_is_refused(paid):
    bank(paid)
    hears(paid, "dispute.opened")
    refund_id = paid.ask_refund(5000)
    assert paid.said()[-1] == "disputed"
    bank(paid, "lost")
    hears(paid, "dispute.lost")
    name, data = paid.events()[-1]
    assert (name, data["refund_id"], data["code"]) == ("refund_failed", str(refund_id), "refund_exceeds_captured")
    assert paid.intents()[0]["refunds"] == []


def test_case_20_contested_between_the_decision_to_refund_and_its_sending(paid, without_workers, sweep):
    refund_id = paid.ask_refund(5000)
    bank(paid)
    sweep()  # the provider refuses to pay back what is contested
    assert paid.said()[2:] == ["refund_failed", "disputed"]
    assert paid.events()[2][1]["refund_id"] == str(refund_id)
    assert paid.kept() == TOTAL


@pytest.mark.parametrize("method", ["tok_disputed", "tok_disputed_won", "tok_disputed_lost"])
def test_the_sandboxs_methods_bring_disputes_about(purchase, method, wait_for):
    purchase.pay(method).say("confirmed", repeat=0)
    verdict = method.rpartition("_")[2]
    wanted = "open" if verdict == "disputed" else verdict
    wait_for(lambda: [row["status"] for row in purchase.intents()[0]["disputes"]] == [wanted])
    operations.look(attempt_id=purchase.payment.attempts.get().pk)
    expected = ["disputed"] if wanted == "open" else ["disputed", "dispute_closed"]
    assert [name for name, *_ in disputes(purchase)] == expected


def test_staff_see_disputes_and_the_buyer_does_not(paid, api):
    bank(paid)
    hears(paid, "dispute.opened")
    finance = bearer(uuid4(), ["finance"])
    [row] = api.get("/api/v1/staff/payments", {"dispute": "open"}, headers=finance).json()["data"]
    assert row["order_number"] == paid.number
    assert (row["disputes"][0]["reason"], row["disputes"][0]["amount"]["amount_minor"]) == ("fraudulent", TOTAL)
    assert api.get("/api/v1/staff/payments", {"dispute": "won"}, headers=finance).json()["data"] == []
    assert "disputes" not in paid.shown()


def test_webhooks_of_disputes_that_workers_handle_late(paid, without_workers):
    bank(paid)
    hears(paid, "dispute.opened")
    assert disputes(paid) == []
    handle_webhook(str(WebhookEvent.objects.get(handled_at=None).pk))
    assert [name for name, *_ in disputes(paid)] == ["disputed"]
