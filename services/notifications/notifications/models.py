"""Whom we write to (people and the buyers of orders), and every notice that was owed with what became of it."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from notifications.domain.policy import KINDS, Addressee
from notifications.domain.webhooks import EVENTS, TEST

PENDING, SENDING, SENT, FAILED, SUPPRESSED = STATES = ["pending", "sending", "sent", "failed", "suppressed"]
EMAIL, IN_APP = CHANNELS = ["email", "in_app"]


def choices(names: list[str]) -> list[tuple[str, str]]:
    return [(name, name) for name in names]


class Recipient(models.Model):
    """A user as `user-events` describe them, with what they chose to be told. Erased: only the id is left."""

    user_id = models.UUIDField(primary_key=True)
    version = models.PositiveBigIntegerField(default=0)
    email = models.CharField(max_length=254, blank=True)
    name = models.CharField(max_length=200, blank=True)
    locale = models.CharField(max_length=10, blank=True)
    language = models.CharField(max_length=2, blank=True, help_text="chosen; empty: as the order or the account says")
    order_updates = models.BooleanField(default=True)
    marketing = models.BooleanField(default=False)
    erased_at = models.DateTimeField(null=True, blank=True)


class OrderContact(models.Model):
    """The buyer of one order as `order.placed` told, and what the mails about it repeat.

    `summary` is {lines, charges, total} as in the event; `progress` only says which mails have become pointless.
    """

    order_id = models.UUIDField(primary_key=True)
    number = models.CharField(max_length=20, unique=True, db_collation="utf8mb4_bin")
    user_id = models.UUIDField(null=True, blank=True, db_index=True)
    email = models.CharField(max_length=254, blank=True)
    name = models.CharField(max_length=200, blank=True)
    locale = models.CharField(max_length=10, blank=True)
    summary = models.JSONField(default=dict)
    expires_at = models.DateTimeField()
    progress = models.CharField(max_length=10, default="placed", choices=choices(["placed", "paid", "closed"]))
    updates = models.BooleanField(default=True, help_text="off: a guest unsubscribed from this order's updates")
    erased_at = models.DateTimeField(null=True, blank=True)

    def addressee(self, person: Recipient | None) -> Addressee:
        """What the policy decides by; `person` is the order's user, if it has one that is known."""
        return Addressee(
            progress=self.progress,
            expires_at=self.expires_at,
            erased=self.erased_at is not None,
            wants_updates=self.updates and (person is None or person.order_updates),
        )


class Deliveries(models.QuerySet["Delivery"]):
    def due(self, now: datetime) -> Deliveries:
        """Mails to send now: those whose time has come, and those whose sender has died."""
        return self.filter(channel=EMAIL, state__in=[PENDING, SENDING], next_try_at__lte=now)

    def inbox_of(self, user_id) -> Deliveries:
        return self.filter(user_id=user_id, channel=IN_APP, state=SENT)


class Delivery(models.Model):
    """One notice on one channel. `next_try_at`: when a pending mail is due; while it is sending, when the claim ends.

    Unique per template, business key and channel: an event that comes twice tells nothing twice.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    template = models.CharField(max_length=40, choices=choices(list(KINDS)))
    business_key = models.CharField(max_length=80, db_collation="utf8mb4_bin")
    channel = models.CharField(max_length=10, choices=choices(CHANNELS))
    order_id = models.UUIDField(db_index=True)
    order_number = models.CharField(max_length=20, db_collation="utf8mb4_bin")
    user_id = models.UUIDField(null=True, blank=True)
    recipient = models.CharField(max_length=254, blank=True)
    locale = models.CharField(max_length=10, blank=True)
    subject = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True, help_text="the notice in a sentence or two")
    context = models.JSONField(default=dict, help_text="what the event said, beyond the order itself")
    state = models.CharField(max_length=10, choices=choices(STATES))
    reason = models.CharField(max_length=20, blank=True, help_text="why it is suppressed")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    objects = Deliveries.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["template", "business_key", "channel"], name="delivery_once"),
            models.CheckConstraint(condition=~Q(state=PENDING) | Q(next_try_at__isnull=False), name="pending_is_due"),
        ]
        indexes = [
            models.Index(fields=["state", "next_try_at"], name="delivery_due"),
            models.Index(fields=["user_id", "channel", "-created_at", "-id"], name="delivery_inbox"),
            models.Index(fields=["user_id", "channel", "read_at"], name="delivery_unread"),
            models.Index(fields=["-created_at", "-id"], name="delivery_newest"),
            models.Index(fields=["recipient", "-created_at"], name="delivery_recipient"),
            models.Index(fields=["order_number"], name="delivery_order_number"),
        ]


class WebhookEndpoint(models.Model):
    """Where a merchant's system wants to be told. No `events`: of all. After failures it is left alone for a while."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    url = models.CharField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    events = models.JSONField(default=list, blank=True)
    active = models.BooleanField(default=True)
    secret = models.CharField(max_length=100, db_collation="ascii_bin")
    previous_secret = models.CharField(max_length=100, blank=True, db_collation="ascii_bin")
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="in a row")
    paused_until = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.url

    def secrets(self, now: datetime) -> list[str]:
        """What messages are signed with now: the secret, and for a day the one before."""
        before = self.previous_secret_until is not None and now < self.previous_secret_until
        return [self.secret, self.previous_secret] if before else [self.secret]


class WebhookDeliveries(models.QuerySet["WebhookDelivery"]):
    def due(self, now: datetime) -> WebhookDeliveries:
        """Messages whose time has come, and those whose sender has died."""
        return self.filter(state__in=[PENDING, SENDING], next_try_at__lte=now)

    def to_living(self, now: datetime) -> WebhookDeliveries:
        """Those whose endpoint is not left alone now."""
        return self.filter(Q(endpoint__paused_until=None) | Q(endpoint__paused_until__lte=now))


class WebhookDelivery(models.Model):
    """One event owed to one endpoint, once; its id is the `webhook-id`. Erased: `body` is empty."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="deliveries")
    event_id = models.CharField(max_length=36, db_collation="ascii_bin")
    event = models.CharField(max_length=40, choices=choices([*EVENTS, TEST]))
    user_id = models.UUIDField(null=True, blank=True, db_index=True)
    body = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=choices(STATES))
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = WebhookDeliveries.as_manager()

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints = [models.UniqueConstraint(fields=["endpoint", "event_id"], name="webhook_once")]
        indexes = [
            models.Index(fields=["state", "next_try_at"], name="webhook_due"),
            models.Index(fields=["-created_at", "-id"], name="webhook_newest"),
        ]


class WebhookAttempt(models.Model):
    """One POST and its answer; no `status`: there was none."""

    delivery = models.ForeignKey(WebhookDelivery, models.CASCADE, related_name="log")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    took_ms = models.PositiveIntegerField()

    class Meta:
        ordering = ["delivery_id", "number", "id"]
