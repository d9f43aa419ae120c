"""What workers do: send one mail or webhook, and find those that nobody sent."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from notifications.use_cases import sending, webhooks


@shared_task
def send_delivery(delivery_id: str) -> None:
    """Send a mail, unless that was done; a mail server that is away is the sweep's business."""
    try:
        sending.send(delivery_id=delivery_id, now=timezone.now())
    except sending.ServerAway:
        return


@shared_task
def retry_deliveries() -> int:
    """The sweep: mails whose task was lost, whose sender died, or whose wait is over."""
    return sending.send_due(now=timezone.now())


@shared_task(outermost=False)
def post_webhook(delivery_id: str) -> None:
    """Post a message to a merchant's system, unless that was done."""
    webhooks.post(delivery_id=delivery_id, now=timezone.now())


@shared_task(outermost=False)
def retry_webhooks() -> int:
    """The sweep: webhooks whose task was lost, whose sender died, or whose wait is over."""
    return webhooks.post_due(now=timezone.now())


@shared_task
def forget_webhooks() -> int:
    """Delete what was owed to merchants more than 30 days ago."""
    return webhooks.forget_old(now=timezone.now())
