"""Coupons, and which order used which for whom."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from orders.domain.coupons import CouponTerms
from orders.models.orders import Order


class Coupon(models.Model):
    """A code that takes something off; `uses` is counted by compare-and-swap when an order is placed."""

    code = models.CharField(max_length=40, primary_key=True, db_collation="utf8mb4_bin")
    percent = models.DecimalField(max_digits=7, decimal_places=4, null=True, blank=True)
    amounts = models.JSONField(default=dict, blank=True, help_text="minor units by currency")
    minimum = models.JSONField(default=dict, blank=True, help_text="the least subtotal: minor units by currency")
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_to = models.DateTimeField(null=True, blank=True)
    limit_total = models.PositiveIntegerField(null=True, blank=True)
    limit_per_customer = models.PositiveIntegerField(null=True, blank=True)
    active = models.BooleanField(default=True)
    uses = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="coupon_percent_sane", condition=Q(percent__isnull=True) | Q(percent__lte=100)),
        ]

    @property
    def etag(self) -> str:
        return f'"{self.version}"'

    @property
    def used_up(self) -> bool:
        return self.limit_total is not None and self.uses >= self.limit_total

    def terms(self) -> CouponTerms:
        return CouponTerms(
            code=self.code,
            percent=self.percent,
            amounts=self.amounts,
            minimum=self.minimum,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            active=self.active,
        )


class CouponUse(models.Model):
    """The one use that an order makes of a coupon, until it is given back.

    Its customer is a user, or the SHA-256 of a guest's casefolded e-mail; their uses are the rows not given back.
    """

    order = models.OneToOneField(Order, models.CASCADE, primary_key=True, related_name="coupon_use")
    coupon = models.ForeignKey(Coupon, models.PROTECT, related_name="orders")
    customer = models.CharField(max_length=80, db_collation="ascii_bin")
    used_at = models.DateTimeField()
    given_back_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["coupon", "customer"], name="coupon_use_of_customer")]
