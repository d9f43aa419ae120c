"""Invoice numbers, given when an invoice is first asked for."""

from __future__ import annotations

from datetime import datetime

from chassis.problems import Conflict
from django.db import transaction
from django.db.models import F

from orders.models import Invoice, InvoiceSeries, Order


def invoice_of(*, order: Order, now: datetime) -> Invoice:
    """The order's invoice; its number is the next of the year's series, without gaps, and stays the same.

    Raises Conflict `not_invoiced_yet` before the order is paid.
    """
    if order.paid_at is None:
        raise Conflict("not_invoiced_yet", f"The order is {order.state}; there is an invoice once it is paid.")
    known = Invoice.objects.filter(pk=order.pk).first()
    if known is not None:
        return known
    with transaction.atomic(savepoint=False):
        Order.objects.locked(pk=order.pk)
        known = Invoice.objects.filter(pk=order.pk).first()
        return known or _next(order, now)


def _next(order: Order, now: datetime) -> Invoice:
    InvoiceSeries.objects.bulk_create([InvoiceSeries(year=now.year)], ignore_conflicts=True)
    InvoiceSeries.objects.filter(pk=now.year).update(last=F("last") + 1)
    number = f"{now.year}-{InvoiceSeries.objects.get(pk=now.year).last:08d}"
    return Invoice.objects.create(order=order, number=number, issued_at=now)
