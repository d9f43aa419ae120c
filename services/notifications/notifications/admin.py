"""Operators' pages: what was sent to whom and why not, and sending mails and webhooks again."""

from __future__ import annotations

from functools import partial

from chassis.admin import ReadOnlyAdmin, read_only
from chassis.problems import Problem
from django.contrib import admin, messages
from django.utils import timezone
from outbox.transactions import retry_conflicts

from notifications.models import Delivery, OrderContact, Recipient, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from notifications.use_cases.deliveries import retry_delivery
from notifications.use_cases.webhooks import retry_webhook


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at", "template", "channel", "order_number", "recipient", "state", "reason", "attempts", "last_error"
    )  # fmt: skip
    list_filter = ("state", "channel", "template", "reason")
    search_fields = ("=order_number", "=recipient", "=id")
    ordering = ("-created_at", "-id")
    actions = ["retry"]

    @admin.action(description="Send mails again")
    def retry(self, request, queryset) -> None:
        for delivery_id in queryset.values_list("pk", flat=True):
            try:
                retry_conflicts(partial(retry_delivery, delivery_id=delivery_id, now=timezone.now()))
            except Problem as problem:
                self.message_user(request, f"{delivery_id}: {problem.detail}", messages.ERROR)


@admin.register(OrderContact)
class OrderContactAdmin(ReadOnlyAdmin):
    list_display = ("number", "email", "name", "locale", "progress", "updates", "erased_at")
    search_fields = ("=number", "=email", "=user_id")


@admin.register(Recipient)
class RecipientAdmin(ReadOnlyAdmin):
    list_display = ("user_id", "email", "name", "locale", "language", "order_updates", "marketing", "erased_at")
    search_fields = ("=user_id", "=email")


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """Without the secrets: they are shown once, to who makes them over the API."""

    list_display = ("url", "description", "active", "failures", "paused_until", "created_at")
    list_filter = ("active",)
    exclude = ("secret", "previous_secret")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "event", "endpoint", "state", "attempts", "next_try_at", "last_error")
    list_filter = ("state", "event")
    list_select_related = ("endpoint",)
    search_fields = ("=id", "=event_id")
    ordering = ("-created_at", "-id")
    inlines = (read_only(WebhookAttempt, "number", "at", "status", "error", "took_ms"),)
    actions = ("retry",)

    @admin.action(description="Post again")
    def retry(self, request, queryset) -> None:
        for delivery_id in queryset.values_list("pk", flat=True):
            try:
                retry_conflicts(partial(retry_webhook, delivery_id=delivery_id, now=timezone.now()))
            except Problem as problem:
                self.message_user(request, f"{delivery_id}: {problem.detail}", messages.ERROR)
