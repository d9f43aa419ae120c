"""Invoice numbers: one series a year, without gaps."""

from __future__ import annotations

from django.db import models

from orders.models.orders import Order


class InvoiceSeries(models.Model):
    """The last number of a year; its row's lock makes the next one."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last = models.PositiveIntegerField(default=0)


class Invoice(models.Model):
    """An order's invoice number, the same whenever it is asked for."""

    order = models.OneToOneField(Order, models.PROTECT, primary_key=True, related_name="invoice")
    number = models.CharField(max_length=20, unique=True, db_collation="ascii_bin")
    issued_at = models.DateTimeField()
