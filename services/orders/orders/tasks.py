"""Scheduled work of orders."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from celery import shared_task
from chassis.tasks import guarded
from django.db import close_old_connections
from django.utils import timezone

from orders.models import Cart, CartItem, Quote
from orders.use_cases import asking, audit, orders

QUOTES_KEPT = timedelta(days=1)
CARTS_KEPT = timedelta(days=90)
BATCH = 2000


@shared_task(outermost=False)
def expire_orders() -> int:
    """Expire unpaid orders whose time is up; returns how many. Each is a transaction of its own."""
    now = timezone.now()
    expired = sum(
        guarded(partial(orders.expire_order, order_id=order_id, now=now), order_id=order_id)
        for order_id in orders.orders_to_expire(now=now)
    )
    close_old_connections()
    return expired


@shared_task(outermost=False)
def ask_again() -> int:
    """Ask once more for what is owed for 5, 15 and 60 minutes, then raise an alarm; each in its own transaction."""
    now = timezone.now()
    asked = sum(
        guarded(partial(asking.ask_for_order, order_id=order_id, now=now), order_id=order_id)
        for order_id in asking.unanswered_orders(now=now)
    )
    for order_id, row in asking.unanswered_refunds(now=now):
        asked += guarded(partial(asking.ask_for_refund, order_id=order_id, row=row, now=now), order_id=order_id)
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
