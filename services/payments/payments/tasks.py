"""Calls to the provider, the sweep that finds whatever was not done, and what is checked from time to time."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from payments.providers.base import ProviderError
from payments.use_cases import audit, operations, reconciliation, webhooks
from payments.use_cases.sweep import sweep

logger = logging.getLogger(__name__)


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
    """The sweep, every five seconds."""
    return sweep(now=timezone.now())


@shared_task(outermost=False)
def reconcile_payments() -> int:
    """Import the settlement report of each day since the last; asked hourly, so that a provider's bad hour costs one.

    Returns how many differences are open in them.
    """
    now = timezone.now()
    differences = 0
    for day in reconciliation.days_to_reconcile(now=now):
        try:
            differences += reconciliation.reconcile_day(day=day, now=now).open_differences
        except ProviderError as error:
            logger.error("ALARM: no settlement report of %s: %s", day, error)
            break
    return differences


@shared_task
def audit_invariants() -> int:
    """Compare the money kept with the money due, and the books with the rows; returns how many do not agree."""
    return len(audit.check_invariants(now=timezone.now()))


@shared_task
def forget_webhooks() -> int:
    """Delete webhooks that were done with 30 days ago."""
    return webhooks.forget_old(now=timezone.now())
