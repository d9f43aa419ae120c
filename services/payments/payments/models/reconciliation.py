"""What the provider says it has settled, and where that differs from the books."""

from __future__ import annotations

from django.db import models
from uuid_utils.compat import uuid7

from payments.models.payments import Payment


class SettlementReport(models.Model):
    """A day's report, imported; importing it again adds only lines that are new."""

    id = models.BigAutoField(primary_key=True)
    provider = models.CharField(max_length=20)
    day = models.DateField()
    lines = models.PositiveIntegerField(default=0)
    imported_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "day"], name="one_report_per_day")]

    def __str__(self) -> str:
        return f"{self.provider} {self.day}"


class SettlementLine(models.Model):
    """One movement as the provider reports it. `business_key` is the posting it was matched with, each once."""

    id = models.BigAutoField(primary_key=True)
    report = models.ForeignKey(SettlementReport, models.PROTECT, related_name="rows")
    provider = models.CharField(max_length=20)
    line_id = models.CharField(max_length=80, db_collation="utf8mb4_bin")
    kind = models.CharField(max_length=20)
    object_id = models.CharField(max_length=80, db_collation="utf8mb4_bin")
    reference = models.CharField(max_length=100, blank=True, db_collation="utf8mb4_bin")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    fee_minor = models.BigIntegerField(default=0)
    fee_currency = models.CharField(max_length=3, blank=True)
    at = models.DateTimeField()
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, blank=True, related_name="settlement_lines")
    business_key = models.CharField(max_length=140, null=True, blank=True, unique=True, db_collation="utf8mb4_bin")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "line_id"], name="each_line_once")]


class Difference(models.Model):
    """Where report and books do not agree, until someone says why. `about` makes each one row."""

    KINDS = ["missing", "extra", "wrong_amount"]

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    about = models.CharField(max_length=160, unique=True, db_collation="utf8mb4_bin")
    kind = models.CharField(max_length=12, choices=[(name, name) for name in KINDS], db_index=True)
    report = models.ForeignKey(SettlementReport, models.PROTECT, related_name="differences")
    line = models.ForeignKey(SettlementLine, models.PROTECT, null=True, blank=True)
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, blank=True, related_name="differences")
    booked_minor = models.BigIntegerField(null=True, blank=True)
    reported_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    detail = models.CharField(max_length=300)
    found_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True, db_index=True)
    resolved_by = models.CharField(max_length=60, blank=True)
    resolution = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.about}"


class Violation(models.Model):
    """An invariant that the audit found broken: what, where, and since when. A known one is one row."""

    id = models.BigAutoField(primary_key=True)
    invariant = models.CharField(max_length=4, db_index=True)
    about = models.CharField(max_length=100, db_collation="utf8mb4_bin")
    detail = models.CharField(max_length=300)
    found_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True, db_index=True)
