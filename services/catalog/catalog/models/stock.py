"""What lies where, what of it is promised, and every movement that made it so."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from catalog.models.products import Variant


class Warehouse(models.Model):
    """Where goods leave from; its country decides which duties and taxes meet a parcel."""

    code = models.CharField(max_length=32, primary_key=True, db_collation="utf8mb4_bin")
    country = models.CharField(max_length=2)
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.code


class StockQuerySet(models.QuerySet):
    def available(self) -> StockQuerySet:
        """Rows of which something can be bought."""
        return self.filter(on_hand__gt=F("held") + F("committed"))

    def available_at_most(self, units: int) -> StockQuerySet:
        return self.filter(on_hand__lte=F("held") + F("committed") + units)


class Stock(models.Model):
    """Units of a SKU in a warehouse. `held` and `committed` are parts of `on_hand`; what is left is available.

    `level_changed`: the others have not been told what is available now; the sweep `publish_levels` does it.
    """

    variant = models.ForeignKey(Variant, models.PROTECT, related_name="stock", db_column="sku")
    warehouse = models.ForeignKey(Warehouse, models.PROTECT, related_name="stock", db_column="warehouse")
    on_hand = models.IntegerField(default=0)
    held = models.IntegerField(default=0)
    committed = models.IntegerField(default=0)
    level_changed = models.BooleanField(default=True)

    objects = StockQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "stock"
        constraints = [
            models.UniqueConstraint(fields=["variant", "warehouse"], name="stock_once_per_warehouse"),
            models.CheckConstraint(condition=Q(held__gte=0), name="stock_held_not_negative"),
            models.CheckConstraint(condition=Q(committed__gte=0), name="stock_committed_not_negative"),
            models.CheckConstraint(condition=Q(on_hand__gte=F("held") + F("committed")), name="stock_not_oversold"),
        ]
        indexes = [models.Index(fields=["level_changed", "variant"], name="stock_level_changed")]

    @property
    def available(self) -> int:
        return self.on_hand - self.held - self.committed


class StockLevel(models.Model):
    """The number of the last `stock.level_changed` of a SKU, and when it was written."""

    variant = models.OneToOneField(Variant, models.CASCADE, primary_key=True, db_column="sku", related_name="level")
    version = models.PositiveBigIntegerField(default=0)
    published_at = models.DateTimeField(null=True)


class StockMovement(models.Model):
    """The ledger: every change of a stock row, in units; appended to, never changed. Its sums are the stock."""

    sku = models.CharField(max_length=64, db_collation="utf8mb4_bin")
    warehouse = models.CharField(max_length=32, db_collation="utf8mb4_bin")
    on_hand = models.IntegerField(default=0)
    held = models.IntegerField(default=0)
    committed = models.IntegerField(default=0)
    reason = models.CharField(max_length=40)
    reference = models.CharField(max_length=64, blank=True)
    comment = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["sku", "warehouse", "id"], name="movement_of_stock"),
            models.Index(fields=["reference"], name="movement_reference"),
        ]


class Discrepancy(models.Model):
    """Something about stock that only a person can clear up: goods shipped without a hold, sums that do not add up."""

    kind = models.CharField(max_length=20, choices=[(name, name) for name in ("shipment", "return", "invariant")])
    sku = models.CharField(max_length=64, db_collation="utf8mb4_bin")
    warehouse = models.CharField(max_length=32, db_collation="utf8mb4_bin")
    order_id = models.UUIDField(null=True, blank=True)
    quantity = models.IntegerField(default=0)
    detail = models.CharField(max_length=500)
    found_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=150, blank=True)

    class Meta:
        verbose_name_plural = "discrepancies"
        indexes = [models.Index(fields=["resolved_at", "-found_at"], name="discrepancy_open")]
