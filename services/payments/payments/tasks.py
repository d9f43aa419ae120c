"""Calls to the provider, and the sweep that finds whatever was not done."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from payments.use_cases import operations, webhooks
from payments.use_cases.sweep import sweep


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
