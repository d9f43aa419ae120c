"""Calls to the provider, and the sweep that finds whatever was not done."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from payments.models import Attempt, Payment, ProviderOperation
from payments.providers.base import ProviderError
from payments.use_cases import operations, payments, webhooks

logger = logging.getLogger(__name__)
BATCH = 200


@shared_task(outermost=False)
def perform_operation(operation_id: str) -> None:
    """Make one call to the provider and write down its result."""
    operations.perform(operation_id=UUID(operation_id))


@shared_task(outermost=False)
def handle_webhook(webhook_id: str) -> None:
    """Read the object that a webhook names."""
    webhooks.handle_webhook(webhook_id=int(webhook_id), now=timezone.now())


@shared_task(outermost=False)
def settle_payments() -> int:
    """The sweep, every five seconds: lost wake-ups, silent calls, dead workers, waiting shoppers, missed webhooks."""
    now = timezone.now()
    found = 0
    late = ProviderOperation.objects.filter(open_payment__isnull=False, next_look_at__lte=now)
    for operation_id, state in late.order_by("next_look_at").values_list("pk", "state")[:BATCH]:
        act = operations.perform if state == "pending" else operations.read_back
        act(operation_id=operation_id)
        found += 1
    return found + webhooks.handle_missed(now=now) + _look_again(now)


def _look_again(now) -> int:
    waiting = Payment.objects.filter(settle_at__lte=now).values_list("pk", flat=True)[:BATCH]
    current = Attempt.objects.filter(payment_id__in=list(waiting), state="current").values_list("pk", flat=True)
    lost = Attempt.objects.filter(look_again_at__lte=now).values_list("pk", flat=True)[:BATCH]
    chosen = {*current, *lost}
    for attempt_id in chosen:
        try:
            operations.look(attempt_id=attempt_id)
        except ProviderError as error:
            logger.warning("an attempt could not be read: %s", error)
    return len(chosen)


@shared_task
def settle_payment(payment_id: str) -> None:
    """Look whether something is to be done for one payment."""
    payments.settle_payment(payment_id=UUID(payment_id), now=timezone.now())
