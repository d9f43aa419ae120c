"""Scheduled work of orders."""

from __future__ import annotations

from celery import shared_task
from django.db import close_old_connections
from django.utils import timezone

from orders.use_cases import orders


@shared_task
def expire_orders() -> int:
    """Expire unpaid orders whose time is up; returns how many. Each is a transaction of its own."""
    now = timezone.now()
    expired = 0
    for order_id in orders.orders_to_expire(now=now):
        expired += orders.expire_order(order_id=order_id, now=now)
    close_old_connections()
    return expired
