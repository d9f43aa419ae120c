"""Scheduled work of catalog; each row is a transaction of its own."""

from __future__ import annotations

from functools import partial

from celery import shared_task
from chassis.tasks import guarded
from django.utils import timezone

from catalog.domain.reservations import Fact
from catalog.use_cases import audit, levels, reservations


@shared_task(outermost=False)
def publish_levels() -> int:
    """Publish the level of every SKU whose stock changed; returns how many were told."""
    now = timezone.now()
    return sum(
        guarded(partial(levels.publish_level, sku=sku, now=now), sku=sku) for sku in levels.changed_skus(now=now)
    )


@shared_task(outermost=False)
def release_backstop() -> int:
    """Release what is held for orders that were never closed; returns how many reservations."""
    now = timezone.now()
    release = partial(reservations.record_fact, fact=Fact.BACKSTOP, reason="backstop", now=now)
    overdue = reservations.overdue_holds(now=now)
    return sum(guarded(partial(release, order_id=order_id), order_id=order_id) for order_id in overdue)


@shared_task
def audit_invariants() -> int:
    """Compare stock with its ledger and with what is reserved; returns how many rows do not add up (I2)."""
    return audit.check_stock(now=timezone.now())
