"""An order, and the parcel that follows from it."""

from django.db import models


class Order(models.Model):
    """The aggregate: its events are in the order of its versions."""

    item = models.CharField(max_length=40)
    quantity = models.PositiveIntegerField()
    version = models.PositiveIntegerField(default=0)


class Parcel(models.Model):
    """What the consumer makes of an order; it lives in another service in real life."""

    order_key = models.CharField(max_length=40)
    label = models.CharField(max_length=80)
