"""The tables of the measured transactions."""

from django.db import models


class Customer(models.Model):
    """Whose row an order locks."""

    orders = models.IntegerField(default=0)

    class Meta:
        app_label = "shop"


class Order(models.Model):
    """What is placed."""

    customer = models.ForeignKey(Customer, models.CASCADE)
    number = models.CharField(max_length=20)
    total = models.BigIntegerField()

    class Meta:
        app_label = "shop"


class Line(models.Model):
    """What is in it."""

    order = models.ForeignKey(Order, models.CASCADE)
    sku = models.CharField(max_length=40)
    quantity = models.IntegerField()
    price = models.BigIntegerField()

    class Meta:
        app_label = "shop"


class Entry(models.Model):
    """A line of the order's timeline."""

    order = models.ForeignKey(Order, models.CASCADE)
    what = models.CharField(max_length=40)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "shop"


class Request(models.Model):
    """An idempotency key with the answer that was given."""

    key = models.CharField(max_length=64, unique=True)
    answer = models.JSONField()

    class Meta:
        app_label = "shop"


class Stock(models.Model):
    """What the consumer's handler updates."""

    sku = models.CharField(max_length=40, primary_key=True, db_collation="utf8mb4_bin")
    level = models.IntegerField(default=0)

    class Meta:
        app_label = "shop"
