"""Whatever can happen to one payment, in any order, over the real database and the real provider.

Hypothesis picks what happens next: shoppers, events, calls without an answer, absent workers, old webhooks, sweeps.
When all has come to rest the money must be where it is due, and nothing may have been said twice. `INTERLEAVINGS=500`
tries more.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from uuid import uuid4

from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payments.models import Attempt, ProviderOperation, Refund, WebhookEvent
from payments.tasks import handle_webhook, settle_payments
from payments.use_cases import operations
from payments.use_cases.audit import check_invariants
from payments.use_cases.refunds import retry_refund

from tests.conftest import TOTAL, Purchase

METHODS = [
    *["tok_success", "tok_action", "tok_decline", "tok_action", "tok_error_500", "tok_error_done", "tok_webhook_twice"],
    *["tok_wrong_amount", "tok_capture_refused", "tok_refund_fails", "tok_refund_pending", "tok_late_success"],
    *["tok_disputed_won", "tok_disputed_lost", "tok_success"],
]
RESTING_SWEEPS = 15


class World(Purchase):
    """A purchase whose orders service behaves: it confirms what was authorised, and refunds what was captured."""

    closed = False
    requests: dict

    def __init__(self, later, *given):
        super().__init__(*given, user_id=uuid4())
        self.later, self.passed, self.requests = later, 0, {}
        self.expires_at += timedelta(hours=4)
        self.request()

    def sweep(self) -> int:
        """The sweep, 40 s later than the last one."""
        self.passed += 40
        with self.later(seconds=self.passed):
            return settle_payments()

    def act(self, step: str, number: int) -> None:
        getattr(self, f"act_{step}")(number)

    def act_pay(self, number: int) -> None:
        assert self.confirm(METHODS[number % len(METHODS)]).status_code in (202, 409)

    def act_shopper(self, number: int) -> None:
        waiting = [intent for intent in self.intents() if intent["redirect_url"]]
        if waiting:
            self.provider.shopper(waiting[number % len(waiting)], "decline" if number % 3 == 0 else "approve")

    def act_shopper_comes_back(self, number: int) -> None:
        self.act_shopper(number)
        self.act_an_old_attempt_is_read(number)

    def act_order_confirms(self, number: int) -> None:
        if "authorized" in self.said() and not self.closed:
            self.say("confirmed", repeat=number % 3)

    def act_order_ends(self, number: int) -> None:
        if number % 2 == 0 or self.closed:
            self.closed = True
            self.say("cancelled" if number % 4 else "expired", reason="buyer")

    def act_order_refunds(self, number: int) -> None:
        """Also too much, and also when the order is closed by now."""
        if "captured" in self.said():
            amount = 1 + number * 137
            self.requests[self.ask_refund(amount)] = amount

    def act_order_asks_again(self, number: int) -> None:
        for refund_id, amount in self.requests.items():
            self.ask_refund(amount, refund_id, repeat=1 + number % 3)

    def act_bank_contests(self, number: int) -> None:
        for intent in self.intents():
            path = f"/admin/intents/{intent['id']}/dispute"
            self.provider._client.post(path, json={"amount": number * 100})

    def act_bank_decides(self, number: int) -> None:
        for intent in self.intents():
            self.provider._client.post(f"/admin/intents/{intent['id']}/dispute/{['won', 'lost'][number % 2]}")

    def act_staff_retries(self, number: int) -> None:
        for refund in Refund.objects.filter(payment_id=self.payment_id, state="failed"):
            retry_refund(payment_id=self.payment_id, refund_id=refund.pk, now=timezone.now())

    def act_worker_calls(self, number: int) -> None:
        for operation in ProviderOperation.objects.filter(open_payment=self.payment_id, state="pending"):
            operations.perform(operation_id=operation.pk)

    def act_webhook_comes(self, number: int) -> None:
        sent = [each for intent in self.intents() for each in self.listener.of(intent["id"])]
        if sent:
            assert self.hand_over(sent[number % len(sent)]).status_code == 200

    def act_webhook_is_handled(self, number: int) -> None:
        for pk in WebhookEvent.objects.filter(handled_at=None).values_list("pk", flat=True):
            handle_webhook(str(pk))

    def act_an_old_attempt_is_read(self, number: int) -> None:
        attempts = list(Attempt.objects.filter(payment_id=self.payment_id, object_id__isnull=False))
        if attempts:
            operations.look(attempt_id=attempts[number % len(attempts)].pk)

    def act_sweep(self, number: int) -> None:
        self.sweep()

    def comes_to_rest(self, wait_for) -> None:
        """Nothing more happens but what the system owes; a person retries every failed refund, banks decide."""
        late = [intent for intent in self.intents() if intent["payment_method"] == "tok_late_success"]
        wait_for(lambda: {self._read(intent)["status"] for intent in late} <= {"authorized", "captured", "cancelled"})
        wait_for(lambda: not any(self._will_be_contested(intent) for intent in self.intents()))
        self.act_bank_decides(self.passed)
        for _ in range(RESTING_SWEEPS):
            wait_for(lambda: "pending" not in str([intent["refunds"] for intent in self.intents()]))
            for intent in self.intents():
                for webhook in self.listener.of(intent["id"]):
                    self.hand_over(webhook)
            self.act_webhook_is_handled(0)
            self.act_an_old_attempt_is_read(0)
            self.act_staff_retries(0)
            if not self.sweep() and not ProviderOperation.objects.filter(open_payment=self.payment_id).exists():
                break

    @staticmethod
    def _will_be_contested(intent: dict) -> bool:
        ends = {"tok_disputed_won": "won", "tok_disputed_lost": "lost"}
        if intent["status"] != "captured" or intent["payment_method"] not in ends:
            return False
        left = intent["amount"] - sum(row["amount"] for row in intent["refunds"] if row["status"] != "failed")
        return left > 0 and not any(row["status"] in ("won", "lost") for row in intent["disputes"])

    def _read(self, intent: dict) -> dict:
        return next(each for each in self.intents() if each["id"] == intent["id"])

    def check(self) -> None:
        """The invariants of saga.md that payments can keep alone."""
        said, state = self.said(), self.state
        story = f"{state}, closed {self.closed}, asked {self.requests}, said {said}, provider {self.intents()}"
        assert not ProviderOperation.objects.filter(open_payment=self.payment_id).exists(), story
        refused = set(map(str, Refund.objects.filter(state="refused").values_list("pk", flat=True)))
        asked = sum(amount for refund_id, amount in self.requests.items() if str(refund_id) not in refused)
        lost = sum(row["amount"] for intent in self.intents() for row in intent["disputes"] if row["status"] == "lost")
        due = 0 if self.closed else TOTAL - asked
        kept = self.kept() - (lost if self.closed else 0)
        assert kept == {"authorized": TOTAL, "captured": due}.get(state, 0), story
        if self.closed:
            assert state in ("closed", "voided", "failed", "captured"), story
        for once in ("authorized", "voided"):
            assert said.count(once) <= 1, story
        told = [json.dumps(data) for name, data in self.events() if name in ("captured", "capture_failed")]
        assert len(set(told)) <= 2, story  # again only what was told before
        took = sum(intent["status"] == "captured" for intent in self.intents())
        assert took == len({each for name, each in self._told("captured")}), story
        declined = any(intent["status"] == "capture_refused" for intent in self.intents())
        assert ("capture_failed" in said) == declined, story
        for refund_id in self.requests:
            answers = {name for name, data in self.events() if data.get("refund_id") == str(refund_id)}
            assert answers, story
            assert answers != {"refunded", "refund_failed"} or str(refund_id) not in refused, story
        for name in ("disputed", "dispute_closed"):
            assert said.count(name) == sum(len(intent["disputes"]) for intent in self.intents()), story
        assert check_invariants(now=timezone.now()) == [], story

    def _told(self, name: str) -> list[tuple[str, str]]:
        return [(each, json.dumps(data)) for each, data in self.events() if each == name]


STEPS = [name.removeprefix("act_") for name in vars(World) if name.startswith("act_")]
STORIES = st.lists(st.sampled_from(STEPS), min_size=3, max_size=6).flatmap(  # few kinds of steps, so that it goes deep
    lambda few: st.lists(st.tuples(st.sampled_from(few), st.integers(0, 60)), min_size=6, max_size=24)
)


def test_the_money_ends_where_it_is_due(
    api, connected, eager_tasks, without_workers, provider, listener, time_machine_at, wait_for
):
    @settings(
        max_examples=int(os.environ.get("INTERLEAVINGS", "12")),
        deadline=None,
        derandomize="INTERLEAVINGS" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 60), STORIES)
    def run(first, steps):
        world = World(time_machine_at, api, provider, listener)
        for step, number in [("pay", first), ("worker_calls", 0), *steps]:
            world.act(step, number)
        world.comes_to_rest(wait_for)
        world.check()

    run()
