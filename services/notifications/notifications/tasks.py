"""What workers do: send one mail, and find those that nobody sent."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from notifications.use_cases import sending


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
