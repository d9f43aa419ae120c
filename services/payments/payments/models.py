"""Payments, the attempts to make them, what was asked of the provider, and what it told us."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from uuid_utils.compat import uuid7

from payments.domain.settlement import Kind, PaymentFacts, RefundFacts, State


class PaymentQuerySet(models.QuerySet["Payment"]):
    def locked(self, **where) -> Payment | None:
        """The payment under its row's lock; only inside a transaction."""
        return self.select_for_update().filter(**where).first()

    def of(self, *, user_id, token_sha256: str | None) -> PaymentQuerySet:
        """Those that this user or this Order-Token may see; nobody sees nothing."""
        if user_id is not None:
            return self.filter(user_id=user_id)
        return self.filter(user_id=None, guest_token_sha256=token_sha256) if token_sha256 else self.none()


class Payment(models.Model):
    """What an order's buyer owes, in minor units of `currency`. The row's lock guards all that belongs to it."""

    id = models.UUIDField(primary_key=True, editable=False)
    order_id = models.UUIDField(unique=True)
    order_number = models.CharField(max_length=13, db_index=True, db_collation="ascii_bin")
    user_id = models.UUIDField(null=True, blank=True)
    guest_token_sha256 = models.CharField(max_length=64, null=True, blank=True, db_collation="ascii_bin")
    total_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=12, default=State.CREATED, choices=[(state, state) for state in State])
    closed_by = models.CharField(max_length=10, blank=True, help_text="rejected, expired or cancelled; then 0 is due")
    confirmed = models.BooleanField(default=False, help_text="the order is confirmed: the money may be captured")
    provider = models.CharField(max_length=20)
    last_code = models.CharField(max_length=60, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    settle_at = models.DateTimeField(null=True, blank=True, db_index=True, help_text="when the sweep looks at it again")

    objects = PaymentQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.order_number} {self.state}"

    def facts(self, now: datetime) -> PaymentFacts:
        """For the pure decisions; five small reads under the row's lock."""
        attempts = list(self.attempts.order_by("number"))
        refunds = list(self.refunds.order_by("created_at", "pk"))
        operation = self.operations.filter(open_payment=self.pk).first()
        return PaymentFacts(
            state=State(self.state),
            total_minor=self.total_minor,
            currency=self.currency,
            closed=bool(self.closed_by),
            confirmed=self.confirmed,
            asked_back=sum(refund.amount_minor for refund in refunds if refund.asked_by_order),
            expired=self.expires_at <= now,
            operation=Kind(operation.kind) if operation else None,
            queued=next((str(attempt.pk) for attempt in attempts if attempt.state == "queued"), None),
            surplus=next((str(attempt.pk) for attempt in attempts if attempt.state == "surplus"), None),
            refunds=tuple(
                RefundFacts(str(refund.pk), refund.amount_minor, refund.state, refund.asked_by_order)
                for refund in refunds
            ),
        )


class Attempt(models.Model):
    """One try to pay, with one method. `current` is the payment's own; `surplus` holds money that is given back."""

    STATES = ["queued", "current", "ended", "surplus", "given_back"]

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    payment = models.ForeignKey(Payment, models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    payment_method = models.CharField(max_length=120, db_collation="utf8mb4_bin")
    return_url = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=10, choices=[(name, name) for name in STATES])
    object_id = models.CharField(max_length=80, null=True, blank=True, unique=True, db_collation="utf8mb4_bin")
    redirect_url = models.CharField(max_length=500, blank=True)
    code = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField()
    look_again_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["payment", "number"], name="attempts_are_numbered")]


class Refund(models.Model):
    """Money that goes back: asked for by orders (its id is theirs), or of our own making."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    payment = models.ForeignKey(Payment, models.CASCADE, related_name="refunds")
    amount_minor = models.BigIntegerField()
    asked_by_order = models.BooleanField()
    reason = models.CharField(max_length=60)
    state = models.CharField(
        max_length=10, default="requested", choices=[(s, s) for s in ("requested", "succeeded", "failed")]
    )
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)


class ProviderOperation(models.Model):
    """A call to the provider, committed before it is made; at most one of a payment is open (`open_payment`).

    `pending`: to be made. `sent`: being made since `sent_at`. `unknown`: no answer came, so it is read first.
    """

    STATES = ["pending", "sent", "unknown", "done", "not_executed"]

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    payment = models.ForeignKey(Payment, models.CASCADE, related_name="operations")
    open_payment = models.UUIDField(null=True, blank=True, unique=True)
    kind = models.CharField(max_length=16, choices=[(kind, kind) for kind in Kind])
    business_key = models.CharField(max_length=120, db_collation="ascii_bin")
    attempt_number = models.PositiveSmallIntegerField(help_text="how often this was sent under the business key")
    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="operations")
    refund = models.ForeignKey(Refund, models.CASCADE, null=True, blank=True, related_name="operations")
    state = models.CharField(max_length=14, default="pending", choices=[(name, name) for name in STATES])
    reads = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    next_look_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["business_key", "attempt_number"], name="one_row_per_sending"),
        ]

    @property
    def idempotency_key(self) -> str:
        """Under a new key each time it is sent: providers replay even a stored 500 for a repeated one."""
        return f"{self.business_key}:{self.attempt_number}"


class WebhookEvent(models.Model):
    """A hint from the provider: verified, stored once, and a reason to read the object it names."""

    id = models.BigAutoField(primary_key=True)
    provider = models.CharField(max_length=20)
    event_id = models.CharField(max_length=80, db_collation="utf8mb4_bin")
    type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=80, db_collation="utf8mb4_bin")
    payload = models.JSONField()
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True, blank=True, db_index=True)
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="each_webhook_once")]
