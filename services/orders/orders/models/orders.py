"""Orders, what they consist of, and what happened to them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from uuid_utils.compat import uuid7

from orders.domain.lifecycle import OrderFacts, State, Step
from orders.domain.money import charge_step
from orders.domain.refunds import PARTS, Charged, ChargedLine
from orders.models.carts import Cart
from orders.models.quotes import Quote


class OrderQuerySet(models.QuerySet["Order"]):
    def locked(self, **where) -> Order | None:
        """The order under its row's lock; only inside a transaction."""
        return self.select_for_update().filter(**where).first()

    def to_show(self) -> OrderQuerySet:
        """With what its page says of the quote, and without the quote's long explanations."""
        return self.select_related("quote").defer("quote__lines", "quote__charges", "quote__rates")

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
    email = models.CharField(
        max_length=254, null=True, blank=True, db_collation="utf8mb4_bin", help_text="The contact's, casefolded."
    )
    coupon_code = models.CharField(max_length=40, null=True, blank=True, db_collation="utf8mb4_bin")
    refunded_minor = models.BigIntegerField(default=0, db_default=0, help_text="Asked back by line or amount, in all.")
    refund_carried_minor = models.PositiveSmallIntegerField(default=0, db_default=0)
    dispute = models.JSONField(null=True, blank=True, help_text="{amount, reason, due_by, outcome}")
    asked_again = models.PositiveSmallIntegerField(default=0, db_default=0)
    state_since = models.DateTimeField(null=True, blank=True)
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
            models.Index(fields=["email", "-placed_at", "-id"], name="order_of_email"),
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

    @property
    def waiting_since(self) -> datetime:
        """Since when the state is what it is."""
        return self.state_since or self.placed_at

    def charged(self) -> Charged:
        """The order's money, to refund from; what a lost dispute took counts as given back."""
        lost = self.dispute["amount"]["amount_minor"] if self.dispute and self.dispute["outcome"] == "lost" else 0
        rounding = sum(charge["amount_minor"] for charge in self.charges if charge["kind"] == "rounding")
        return Charged(
            total=self.total_minor,
            given_back=self.refunded_minor + lost,
            rounding=rounding,
            carried=self.refund_carried_minor,
            step=charge_step(self.currency),
        )

    def take(self, step: Step) -> None:
        """Become what the step says; the caller saves, under the row's lock."""
        self.state = step.order.state.value
        self.version = step.order.version
        self.stock_committed = step.order.stock_committed
        self.payment_captured = step.order.payment_captured


class OrderLine(models.Model):
    """A line as it was quoted; amounts in minor units of the order's currency, goods after `discount`.

    Units are counted: `shipped` have left, `cancelled` never will, `returning` of the shipped are on their way back or
    have arrived, of `refunded` the money was asked back.
    """

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
    discount_minor = models.BigIntegerField(default=0, db_default=0)
    shipped = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0, db_default=0)
    returning = models.PositiveIntegerField(default=0, db_default=0)
    refunded = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        ordering = ["order_id", "line_id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "line_id"], name="one_row_per_line"),
            models.CheckConstraint(
                name="not_more_shipped_than_ordered", condition=models.Q(shipped__lte=models.F("quantity"))
            ),
            models.CheckConstraint(
                name="not_more_left_or_cancelled_than_ordered",
                condition=models.Q(quantity__gte=models.F("shipped") + models.F("cancelled")),
            ),
            models.CheckConstraint(
                name="not_more_refunded_than_left_or_cancelled",
                condition=models.Q(refunded__lte=models.F("shipped") + models.F("cancelled")),
            ),
            models.CheckConstraint(
                name="not_more_returning_than_shipped", condition=models.Q(returning__lte=models.F("shipped"))
            ),
        ]

    @property
    def unshipped(self) -> int:
        return self.quantity - self.shipped - self.cancelled

    @property
    def refundable(self) -> int:
        """Units whose money may go back: they left or never will, and it was not asked back yet."""
        return self.shipped + self.cancelled - self.refunded

    def charged(self, collected: Collection[str]) -> ChargedLine:
        """The line as far as it was charged at checkout; `collected` names the parts that were."""
        amounts = {part: getattr(self, f"{part}_minor") if part in collected else 0 for part in PARTS}
        return ChargedLine(self.line_id, self.quantity, **amounts, refunded=self.refunded)

    def units(self, quantity: int) -> dict[str, Any]:
        """So many of its units, as events name them."""
        return {"line_id": self.line_id, "sku": self.sku, "quantity": quantity, "warehouse": self.warehouse}


class Shipment(models.Model):
    """Goods that left together."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(Order, models.CASCADE, related_name="shipments")
    carrier = models.CharField(max_length=60)
    tracking_number = models.CharField(max_length=80)
    lines = models.JSONField(help_text="[{line_id, sku, quantity, warehouse}]")
    shipped_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)


class TimelineEntry(models.Model):
    """One thing that happened, in words a support agent can read out, and its cause.

    A cause is `event:<id>` (of the event that said so), `user:<id>`, `guest`, `staff:<id>`, `operator:<name>`, `clock`.
    """

    order = models.ForeignKey(Order, models.CASCADE, related_name="timeline")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    state = models.CharField(max_length=20)
    detail = models.JSONField(default=dict)
    cause = models.CharField(max_length=160, null=True, blank=True)

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["order", "at", "id"], name="timeline_of_order")]
