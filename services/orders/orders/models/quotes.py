"""Quotes: what a delivery to the door will cost, stored with every rule and rate that went into it."""

from __future__ import annotations

from django.db import models
from uuid_utils.compat import uuid7

from orders.models.carts import Cart, Owned


class Quote(Owned):
    """An answer that stays true until `expires_at`; `lines` and `charges` are as the API shows them, in minor units."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    cart = models.ForeignKey(Cart, models.CASCADE, null=True, blank=True, related_name="quotes")
    cart_version = models.PositiveIntegerField(null=True, blank=True)
    ship_to = models.JSONField(help_text="{country, region, postal_code}")
    currency = models.CharField(max_length=3)
    incoterm = models.CharField(max_length=3, choices=[("DDP", "DDP"), ("DAP", "DAP")])
    shipping_method = models.CharField(max_length=64)
    lines = models.JSONField()
    charges = models.JSONField()
    rates = models.JSONField(default=list)
    total_minor = models.BigIntegerField()
    coupon_code = models.CharField(max_length=40, null=True, blank=True, db_collation="utf8mb4_bin")
    return_terms = models.JSONField(null=True, blank=True, help_text="{window_days, refunds, and the rule behind them}")
    delivery_days = models.JSONField(default=list)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="quote_expiry")]
