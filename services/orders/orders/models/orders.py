"""Orders, what they consist of, and what happened to them."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from uuid_utils.compat import uuid7

from orders.domain.lifecycle import OrderFacts, State, Step
from orders.models.carts import Cart
from orders.models.quotes import Quote


class OrderQuerySet(models.QuerySet["Order"]):
    def locked(self, **where) -> Order | None:
        """The order under its row's lock; only inside a transaction."""
        return self.select_for_update().filter(**where).first()

    def of(self, *, user_id: UUID | None, token_sha256: str | None) -> OrderQuerySet:
        """Those that this user or this Order-Token may see; nobody sees nothing."""
        if user_id is not None:
            return self.filter(user_id=user_id)
        return self.filter(user_id=None, guest_token_sha256=token_sha256) if token_sha256 else self.none()


class Order(models.Model):
    """One purchase. Its row is the referee: whoever changes `state` holds the row's lock and adds one to `version`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.CharField(max_length=13, unique=True, db_collation="ascii_bin")
    user_id = models.UUIDField(null=True, blank=True)
    guest_token_sha256 = models.CharField(max_length=64, null=True, blank=True, db_collation="ascii_bin")
    quote = models.OneToOneField(Quote, models.PROTECT, related_name="order")
    cart = models.ForeignKey(Cart, models.PROTECT, null=True, blank=True, related_name="orders")
    state = models.CharField(max_length=20, choices=[(state.value, state.value) for state in State])
    version = models.PositiveIntegerField(default=1)
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    charges = models.JSONField()
    contact = models.JSONField()
    shipping_address = models.JSONField()
    billing_address = models.JSONField(null=True, blank=True)
    vat_id = models.CharField(max_length=32, blank=True)
    payment_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    stock_committed = models.BooleanField(default=False)
    payment_captured = models.BooleanField(default=False)
    hold_reasons = models.JSONField(default=list, blank=True)
    rejected_lines = models.JSONField(default=list, blank=True)
    placed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["user_id", "-placed_at", "-id"], name="order_of_user"),
            models.Index(fields=["state", "expires_at"], name="order_to_expire"),
            models.Index(fields=["-placed_at", "-id"], name="order_newest"),
        ]
        constraints = [
            models.CheckConstraint(
                name="order_has_one_owner",
                condition=models.Q(user_id__isnull=True, guest_token_sha256__isnull=False)
                | models.Q(user_id__isnull=False, guest_token_sha256__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return self.number

    def facts(self) -> OrderFacts:
        return OrderFacts(
            id=str(self.id),
            number=self.number,
            user_id=str(self.user_id) if self.user_id else None,
            state=State(self.state),
            version=self.version,
            payment_id=str(self.payment_id),
            total_minor=self.total_minor,
            currency=self.currency,
            expires_at=self.expires_at,
            guest_token_sha256=self.guest_token_sha256,
            stock_committed=self.stock_committed,
            payment_captured=self.payment_captured,
            held=bool(self.hold_reasons),
        )

    def take(self, step: Step) -> None:
        """Become what the step says; the caller saves, under the row's lock."""
        self.state = step.order.state.value
        self.version = step.order.version
        self.stock_committed = step.order.stock_committed
        self.payment_captured = step.order.payment_captured


class OrderLine(models.Model):
    """A line as it was quoted; amounts in minor units of the order's currency. `shipped` counts units that left."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    line_id = models.PositiveSmallIntegerField()
    sku = models.CharField(max_length=64, db_collation="utf8mb4_bin")
    title = models.CharField(max_length=300)
    quantity = models.PositiveIntegerField()
    unit_price_minor = models.BigIntegerField()
    warehouse = models.CharField(max_length=32)
    goods_minor = models.BigIntegerField()
    freight_minor = models.BigIntegerField()
    duty_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    shipped = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["order_id", "line_id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "line_id"], name="one_row_per_line"),
            models.CheckConstraint(
                name="not_more_shipped_than_ordered", condition=models.Q(shipped__lte=models.F("quantity"))
            ),
        ]


class Shipment(models.Model):
    """Goods that left together."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(Order, models.CASCADE, related_name="shipments")
    carrier = models.CharField(max_length=60)
    tracking_number = models.CharField(max_length=80)
    lines = models.JSONField(help_text="[{line_id, sku, quantity, warehouse}]")
    shipped_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)


class Refund(models.Model):
    """Money that went back, as payments told us; `refund_id` is null when payments gave it back by itself."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="refunds")
    event_id = models.CharField(max_length=36, unique=True, db_collation="ascii_bin")
    refund_id = models.UUIDField(null=True, blank=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=10, choices=[("succeeded", "succeeded"), ("failed", "failed")])
    at = models.DateTimeField()


class TimelineEntry(models.Model):
    """One thing that happened, in words a support agent can read out."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="timeline")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    state = models.CharField(max_length=20)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["order", "at", "id"], name="timeline_of_order")]
