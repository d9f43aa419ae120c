"""A provider with bad days at random: whatever it does, the money ends where it is due, and the books agree with it.

`CHAOS_SEEDS=30` tries more.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from payments.models import Difference, ProviderOperation, Refund, WebhookEvent
from payments.tasks import handle_webhook
from payments.use_cases.audit import check_invariants
from payments.use_cases.reconciliation import reconcile_day
from payments.use_cases.refunds import retry_refund

from tests.conftest import TOTAL, Purchase

RATES = {
    "decline": 0.15,
    "refund_fails": 0.3,
    "error_500": 0.1,
    "error_done": 0.1,
    "slow": 0.02,
    "timeout_before": 0.04,
    "timeout_after": 0.04,
    "webhook_lost": 0.3,
    "webhook_twice": 0.2,
    "webhook_late": 0.1,
    "webhook_reordered": 0.1,
}
ORDERS, ROUNDS, REST = 12, 6, 20


class Shop:
    """Orders that are paid; a fourth each is cancelled when authorised, cancelled when captured, partly paid back."""

    def __init__(self, api, provider, sweep):
        self.provider, self.sweep, self.handed = provider, sweep, 0
        self.orders = [Purchase(api, provider, provider.listener, user_id=uuid4()).request() for _ in range(ORDERS)]
        self.confirmed: set[int] = set()
        self.cancelled: set[int] = set()
        self.asked: dict[int, int] = {}

    def misbehave(self, seed: int, rates: dict[str, float]) -> None:
        answer = self.provider._client.post("/admin/chaos", json={"seed": seed, "rates": rates})
        assert answer.status_code == 200, answer.text

    def round(self) -> None:
        for number, order in enumerate(self.orders):
            self.shopper_and_orders(number, order)
        self.webhooks()
        for refund in Refund.objects.filter(state="failed"):
            retry_refund(payment_id=refund.payment_id, refund_id=refund.pk, now=timezone.now())
        self.sweep()

    def shopper_and_orders(self, number: int, order: Purchase) -> None:
        said = order.said()
        if "authorized" not in said and number not in self.cancelled:
            assert order.confirm("tok_success").status_code in (202, 409)
        if "authorized" in said and number % 4 == 3 and number not in self.cancelled:
            self.cancelled.add(number)
            order.say("cancelled", reason="buyer")
        elif "authorized" in said and number not in self.confirmed:
            self.confirmed.add(number)
            order.say("confirmed", repeat=0)
        elif "captured" in said and number % 4 == 2 and number not in self.asked:
            self.asked[number] = 0
            for amount in (1000, 2000):
                self.asked[number] += amount
                order.ask_refund(amount)
        elif "captured" in said and number % 4 == 1 and number not in self.cancelled:
            self.cancelled.add(number)
            order.say("cancelled", reason="staff")

    def webhooks(self) -> None:
        taken = list(self.provider.listener.taken)
        for webhook in taken[self.handed :]:
            self.orders[0].hand_over(webhook)
        self.handed = len(taken)
        for pk in WebhookEvent.objects.filter(handled_at=None).values_list("pk", flat=True):
            handle_webhook(str(pk))

    def rests(self) -> bool:
        waiting = Refund.objects.filter(state__in=["requested", "failed"]).exists()
        return not waiting and not ProviderOperation.objects.filter(open_payment__isnull=False).exists()


@pytest.mark.parametrize("seed", range(1, 1 + int(os.environ.get("CHAOS_SEEDS", "3"))))
def test_the_money_ends_where_it_is_due(api, own_provider, eager_tasks, sweep, seed):
    shop = Shop(api, own_provider, sweep)
    shop.misbehave(seed, RATES)
    for _ in range(ROUNDS):
        shop.round()
    shop.misbehave(seed, {})
    for _ in range(REST):
        shop.round()
        if shop.rests() and len(shop.confirmed | shop.cancelled) == ORDERS:
            break

    for number, order in enumerate(shop.orders):
        due = 0 if number in shop.cancelled else TOTAL - shop.asked.get(number, 0)
        assert order.kept() == due, (number, order.said(), order.intents())
        assert order.said().count("authorized") == 1
        assert order.done("capture repeated") == 0
    assert check_invariants(now=timezone.now()) == []
    reconcile_day(day=datetime.now(UTC).date(), now=timezone.now() + timedelta(days=1))
    assert list(Difference.objects.values_list("detail", flat=True)) == []
