"""Payments and what belongs to each: attempts to make it, refunds, disputes, and what was asked of the provider."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils.functional import cached_property
from uuid_utils.compat import uuid7

from payments.domain.facts import Kind, PaymentFacts, RefundFacts, State


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
    state = models.CharField(
        max_length=12, default=State.CREATED, choices=[(state, state) for state in State], db_index=True
    )
    closed_by = models.CharField(
        max_length=10, blank=True, help_text="rejected, expired, cancelled, or failed to be captured; then 0 is due"
    )
    confirmed = models.BooleanField(default=False, help_text="the order is confirmed: the money may be captured")
    provider = models.CharField(max_length=20)
    last_code = models.CharField(max_length=60, blank=True)
    captured_at = models.DateTimeField(null=True, blank=True, help_text="by the provider's clock")
    capture_code = models.CharField(
        max_length=60, blank=True, default="", db_default="", help_text="why a capture was refused for good"
    )
    dispute_state = models.CharField(
        max_length=4, blank=True, default="", db_default="", db_index=True, help_text="open, won or lost"
    )
    lost_minor = models.BigIntegerField(default=0, db_default=0, help_text="what disputes have cost")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    settle_at = models.DateTimeField(null=True, blank=True, db_index=True, help_text="when the sweep looks at it again")

    objects = PaymentQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="payment_newest"),
            models.Index(fields=["state", "-created_at", "-id"], name="payment_newest_of_state"),
        ]

    def __str__(self) -> str:
        return f"{self.order_number} {self.state}"

    @cached_property
    def attempt_rows(self) -> list[Attempt]:
        """Read once, under the payment's lock; whoever adds a row appends it. So are the next two."""
        return list(self.attempts.order_by("number"))

    @cached_property
    def refund_rows(self) -> list[Refund]:
        return list(self.refunds.order_by("created_at", "pk"))

    @cached_property
    def operation_rows(self) -> list[ProviderOperation]:
        return list(self.operations.order_by("attempt_number"))

    @property
    def open_operation(self) -> ProviderOperation | None:
        return next((row for row in self.operation_rows if row.open_payment is not None), None)

    @property
    def current_attempt(self) -> Attempt | None:
        return next((row for row in self.attempt_rows if row.state == "current"), None)

    def facts(self, now: datetime, *, with_disputes: bool = False) -> PaymentFacts:
        """For the pure decisions: three small reads under the row's lock the first time, then none."""
        queued, surplus = (self._oldest_attempt(state, now) for state in ("queued", "surplus"))
        refunds = tuple(self._refund_facts(row) for row in self.refund_rows)
        asked = (refund for refund in refunds if refund.asked_by_order and refund.state != "refused")
        operation = self.open_operation
        return PaymentFacts(
            state=State(self.state),
            total_minor=self.total_minor,
            currency=self.currency,
            closed=bool(self.closed_by),
            confirmed=self.confirmed,
            asked_back=sum(refund.amount_minor for refund in asked),
            expired=self.expires_at <= now,
            operation=Kind(operation.kind) if operation else None,
            queued=queued,
            surplus=surplus,
            refunds=refunds,
            refused=bool(self.capture_code),
            disputed=self.dispute_state == "open",
            lost_minor=self.lost_minor,
            disputes=tuple(self.disputes.values_list("provider_id", "state")) if with_disputes else (),
        )

    def _oldest_attempt(self, state: str, now: datetime) -> str | None:
        rows = (row for row in self.attempt_rows if row.state == state)
        due = (row for row in rows if state == "queued" or row.look_again_at is None or row.look_again_at <= now)
        return next((str(row.pk) for row in due), None)

    def _refund_facts(self, row: Refund) -> RefundFacts:
        sent = [each for each in self.operation_rows if each.kind == Kind.REFUND and each.refund_id == row.pk]
        sending = [each.reference for each in sent if each.open_payment is not None]
        return RefundFacts(
            str(row.pk),
            row.amount_minor,
            row.state,
            row.asked_by_order,
            tuple(each.reference for each in sent),
            sending[0] if sending else "",
        )


class Attempt(models.Model):
    """One try to pay, with one method. `current` is the payment's own; `surplus` holds money that is given back."""

    STATES = ["queued", "current", "ended", "surplus", "given_back"]

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    payment = models.ForeignKey(Payment, models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    payment_method = models.CharField(max_length=120, db_collation="utf8mb4_bin")
    return_url = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=10, choices=[(name, name) for name in STATES], db_index=True)
    object_id = models.CharField(max_length=80, null=True, blank=True, unique=True, db_collation="utf8mb4_bin")
    redirect_url = models.TextField(blank=True)
    code = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField()
    look_again_at = models.DateTimeField(null=True, blank=True, db_index=True)
    surplus_minor = models.BigIntegerField(null=True, blank=True, help_text="what was taken besides what is due")
    surplus_currency = models.CharField(max_length=3, blank=True, default="", db_default="")

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
        max_length=10,
        default="requested",
        choices=[(s, s) for s in ("requested", "succeeded", "failed", "refused")],
        db_index=True,
    )
    code = models.CharField(max_length=60, blank=True, default="", db_default="", help_text="why it failed")
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)


class Dispute(models.Model):
    """A contest of the buyer's bank; the provider keeps `amount_minor` until it is decided."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="disputes")
    provider_id = models.CharField(max_length=80, db_collation="utf8mb4_bin")
    amount_minor = models.BigIntegerField()
    reason = models.CharField(max_length=60)
    due_by = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=4, choices=[(s, s) for s in ("open", "won", "lost")], db_index=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["payment", "provider_id"], name="each_dispute_once")]


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

    @property
    def reference(self) -> str:
        """Under which money goes back: a new one each time it is sent, so that each result is its own."""
        return f"{self.refund_id or f'surplus-{self.attempt_id}'}:{self.attempt_number}"

    def sent(self) -> list[str]:
        """The references of this and of all earlier sendings of the same, this one last."""
        rows = ProviderOperation.objects.filter(business_key=self.business_key)
        earlier = rows.filter(attempt_number__lte=self.attempt_number)
        return [row.reference for row in earlier.order_by("attempt_number")]


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
