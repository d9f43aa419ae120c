"""What an audit found that must never be."""

from __future__ import annotations

from django.db import models


class Violation(models.Model):
    """An invariant that does not hold for a row; written once while it is open. A person clears it up."""

    invariant = models.CharField(max_length=80)
    subject = models.CharField(max_length=80, help_text="an order's number or a coupon's code")
    detail = models.CharField(max_length=500)
    found_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=150, blank=True)

    class Meta:
        indexes = [models.Index(fields=["resolved_at", "-found_at"], name="violation_open")]
