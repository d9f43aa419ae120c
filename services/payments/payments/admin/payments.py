"""Operators' pages: payments with everything that was asked of the provider; read, settle, retry."""

from __future__ import annotations

from functools import partial

from chassis.admin import ReadOnlyAdmin, read_only
from chassis.problems import Problem
from django.contrib import admin, messages
from django.utils import timezone
from outbox.transactions import retry_conflicts

from payments.models import Attempt, Dispute, Payment, ProviderOperation, Refund, WebhookEvent
from payments.use_cases.payments import settle_payment
from payments.use_cases.refunds import retry_refund


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = (
        *("order_number", "state", "total_minor", "currency", "closed_by", "confirmed", "dispute_state"),
        "created_at",
    )
    list_filter = ("state", "dispute_state", "currency", "provider")
    search_fields = ("order_number", "=id", "=order_id")
    inlines = [
        read_only(Attempt, "number", "payment_method", "state", "object_id", "code", "surplus_minor", "created_at"),
        read_only(
            ProviderOperation, *("kind", "attempt_number", "state", "created_at", "sent_at", "next_look_at", "error")
        ),
        read_only(Refund, "amount_minor", "asked_by_order", "reason", "state", "code", "created_at", "answered_at"),
        read_only(Dispute, "provider_id", "amount_minor", "reason", "due_by", "state", "opened_at", "closed_at"),
    ]
    actions = ["settle"]

    @admin.action(description="Settle: do what is due")
    def settle(self, request, queryset) -> None:
        for payment in queryset:
            retry_conflicts(partial(settle_payment, payment_id=payment.pk, now=timezone.now()))
            self.log_change(request, payment, "settled")


@admin.register(ProviderOperation)
class ProviderOperationAdmin(ReadOnlyAdmin):
    list_display = ("business_key", "kind", "attempt_number", "state", "created_at", "next_look_at", "error")
    list_filter = ("state", "kind")
    search_fields = ("business_key", "=payment__order_number")


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    list_display = ("payment", "amount_minor", "asked_by_order", "reason", "state", "code", "created_at", "answered_at")
    list_filter = ("state", "asked_by_order")
    actions = ["retry"]

    @admin.action(description="Send a failed refund once more")
    def retry(self, request, queryset) -> None:
        for refund in queryset:
            try:
                retry_conflicts(
                    partial(retry_refund, payment_id=refund.payment_id, refund_id=refund.pk, now=timezone.now())
                )
                self.log_change(request, refund, "sent once more")
            except Problem as problem:
                self.message_user(request, str(problem.detail), messages.ERROR)


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    list_display = ("payment", "provider_id", "amount_minor", "reason", "state", "due_by", "opened_at", "closed_at")
    list_filter = ("state", "reason")
    list_select_related = ("payment",)
    search_fields = ("=provider_id", "=payment__order_number")


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    list_display = ("event_id", "provider", "type", "object_id", "received_at", "handled_at", "tries")
    list_filter = ("provider", "type")
    search_fields = ("=event_id", "=object_id")
