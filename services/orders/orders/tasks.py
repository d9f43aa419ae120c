"""Scheduled work of orders."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import close_old_connections
from django.utils import timezone
from outbox.transactions import retry_conflicts

from orders.models import Cart, CartItem, Quote
from orders.use_cases import asking, audit, orders

logger = logging.getLogger(__name__)
QUOTES_KEPT = timedelta(days=1)
CARTS_KEPT = timedelta(days=90)
BATCH = 2000


@shared_task(outermost=False)
def expire_orders() -> int:
    """Expire unpaid orders whose time is up; returns how many. Each is a transaction of its own."""
    now = timezone.now()
    expired = sum(
        _guarded(order_id, partial(orders.expire_order, order_id=order_id, now=now))
        for order_id in orders.orders_to_expire(now=now)
    )
    close_old_connections()
    return expired


@shared_task(outermost=False)
def ask_again() -> int:
    """Ask once more for what is owed for 5, 15 and 60 minutes, then raise an alarm; each in its own transaction."""
    now = timezone.now()
    asked = sum(
        _guarded(order_id, partial(asking.ask_for_order, order_id=order_id, now=now))
        for order_id in asking.unanswered_orders(now=now)
    )
    for order_id, row in asking.unanswered_refunds(now=now):
        asked += _guarded(order_id, partial(asking.ask_for_refund, order_id=order_id, row=row, now=now))
    close_old_connections()
    return asked


@shared_task
def audit_invariants() -> int:
    """Ask orders' rows what must never be; returns how many violations there are."""
    return len(audit.check_orders(now=timezone.now()))


@shared_task
def forget_old_quotes_and_carts() -> int:
    """Delete quotes that nobody ordered a day after they expired, and carts untouched for ninety days."""
    now = timezone.now()
    stale = Quote.objects.filter(expires_at__lt=now - QUOTES_KEPT, order__isnull=True)
    quotes = list(stale.order_by("expires_at").values_list("pk", flat=True)[:BATCH])
    old = Cart.objects.filter(updated_at__lt=now - CARTS_KEPT, orders__isnull=True, quotes__isnull=True)
    carts = list(old.order_by("updated_at").values_list("pk", flat=True)[:BATCH])
    CartItem.objects.filter(cart_id__in=carts).delete()
    return Quote.objects.filter(pk__in=quotes).delete()[0] + Cart.objects.filter(pk__in=carts).delete()[0]


def _guarded(order_id: UUID, act: Callable[[], bool]) -> bool:
    """What goes wrong with one order is logged, and the others have their turn."""
    try:
        return retry_conflicts(act)
    except SoftTimeLimitExceeded:
        raise
    except Exception:
        logger.exception("ALARM: the sweep could not do an order", extra={"order_id": str(order_id)})
        return False
