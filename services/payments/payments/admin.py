"""Operators' pages: payments with everything that was asked of the provider; read, settle, retry."""

from __future__ import annotations

from functools import partial

from chassis.problems import Problem
from django.contrib import admin, messages
from django.utils import timezone
from outbox.transactions import retry_conflicts

from payments.models import Attempt, Payment, ProviderOperation, Refund, WebhookEvent
from payments.use_cases.payments import settle_payment
from payments.use_cases.refunds import retry_refund


class ReadOnly:
    """Rows that only use cases write."""

    def has_add_permission(self, *args) -> bool:
        return False

    def has_change_permission(self, *args) -> bool:
        return False

    def has_delete_permission(self, *args) -> bool:
        return False


def inline(inlined_model, *shown: str) -> type[admin.TabularInline]:
    class Inline(ReadOnly, admin.TabularInline):
        model = inlined_model
        fields = readonly_fields = shown
        extra = 0

    return Inline


@admin.register(Payment)
class PaymentAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("order_number", "state", "total_minor", "currency", "closed_by", "confirmed", "created_at")
    list_filter = ("state", "currency", "provider")
    search_fields = ("order_number", "=id", "=order_id")
    inlines = [
        inline(Attempt, "number", "payment_method", "state", "object_id", "code", "created_at"),
        inline(ProviderOperation, "kind", "attempt_number", "state", "created_at", "sent_at", "next_look_at", "error"),
        inline(Refund, "amount_minor", "asked_by_order", "reason", "state", "created_at", "answered_at"),
    ]
    actions = ["settle"]

    @admin.action(description="Settle: do what is due")
    def settle(self, request, queryset) -> None:
        for payment in queryset:
            retry_conflicts(partial(settle_payment, payment_id=payment.pk, now=timezone.now()))
            self.log_change(request, payment, "settled")


@admin.register(ProviderOperation)
class ProviderOperationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("business_key", "kind", "attempt_number", "state", "created_at", "next_look_at", "error")
    list_filter = ("state", "kind")
    search_fields = ("business_key", "=payment__order_number")


@admin.register(Refund)
class RefundAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("payment", "amount_minor", "asked_by_order", "reason", "state", "created_at", "answered_at")
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


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("event_id", "provider", "type", "object_id", "received_at", "handled_at", "tries")
    list_filter = ("provider", "type")
    search_fields = ("=event_id", "=object_id")
