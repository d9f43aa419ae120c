"""Money and goods on their way back."""

from __future__ import annotations

from django.db import models
from uuid_utils.compat import uuid7

from orders.domain.refunds import RefundState
from orders.domain.returns import ReturnState
from orders.models.orders import Order


class Refund(models.Model):
    """Money that is to go back, or went: one row for each `refund_id` that we asked for, whatever payments answered.

    `refund_id` is null where payments gave back by itself; then `event_id` names the event that told it.
    """

    order = models.ForeignKey(Order, models.CASCADE, related_name="refunds")
    event_id = models.CharField(max_length=36, null=True, blank=True, unique=True, db_collation="ascii_bin")
    refund_id = models.UUIDField(null=True, blank=True, unique=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=10, choices=[(state.value, state.value) for state in RefundState])
    reason = models.CharField(max_length=50, default="", db_default="", blank=True)
    lines = models.JSONField(null=True, blank=True, help_text="[{line_id, quantity, goods, freight, duty, tax}], minor")
    asked_again = models.PositiveSmallIntegerField(default=0, db_default=0)
    requested_at = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField(help_text="When its state became what it is.")

    class Meta:
        indexes = [models.Index(fields=["state", "requested_at"], name="refund_open")]


class Return(models.Model):
    """Shipped goods that the buyer sends back; its state moves by `domain.returns`, under the order's lock."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(Order, models.CASCADE, related_name="returns")
    state = models.CharField(max_length=10, choices=[(state.value, state.value) for state in ReturnState])
    reason = models.CharField(max_length=300, blank=True)
    lines = models.JSONField(help_text="[{line_id, sku, quantity, warehouse}], once received with restock_quantity")
    comment = models.CharField(max_length=300, blank=True, help_text="What staff said when they decided.")
    refund = models.OneToOneField(Refund, models.PROTECT, null=True, blank=True, related_name="returned")
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    refunded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["state", "-requested_at", "-id"], name="return_by_state")]
