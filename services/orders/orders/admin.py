"""Operators' pages: orders and what happened to them, to read and to cancel; never to edit by hand."""

from __future__ import annotations

from functools import partial

from chassis.admin import ReadOnlyAdmin, read_only
from chassis.problems import Problem
from django.contrib import admin, messages
from django.utils import timezone
from outbox.transactions import retry_conflicts

from orders.models import (
    Cart,
    Coupon,
    CouponUse,
    Order,
    OrderLine,
    Quote,
    Refund,
    Return,
    SellableItem,
    Shipment,
    StockLevel,
    TimelineEntry,
    Violation,
)
from orders.use_cases import orders


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ("number", "state", "total_minor", "currency", "placed_at", "expires_at", "paid_at", "hold_reasons")
    list_filter = ("state", "currency", "placed_at")
    search_fields = ("number", "=id", "=payment_id", "=user_id")
    ordering = ("-placed_at",)
    inlines = [
        read_only(TimelineEntry, "at", "kind", "state", "detail", "cause"),
        read_only(
            OrderLine, "line_id", "sku", "quantity", "shipped", "cancelled", "returning", "refunded", "warehouse"
        ),
        read_only(Shipment, "carrier", "tracking_number", "lines", "shipped_at", "delivered_at"),
        read_only(Refund, "refund_id", "amount_minor", "state", "reason", "requested_at", "at", "asked_again"),
        read_only(Return, "state", "reason", "lines", "comment", "requested_at", "received_at", "refunded_at"),
    ]
    actions = ["cancel"]

    @admin.action(description="Cancel (stock and money go back)")
    def cancel(self, request, queryset) -> None:
        for order in queryset:
            try:
                cause = f"operator:{request.user.get_username()}"
                cancel = partial(orders.cancel_order, order=order, by="staff", comment="", cause=cause)
                retry_conflicts(partial(cancel, now=timezone.now()))
                self.log_change(request, order, "cancelled")
            except Problem as problem:
                self.message_user(request, f"{order.number}: {problem.detail}", messages.ERROR)


@admin.register(Quote)
class QuoteAdmin(ReadOnlyAdmin):
    list_display = ("id", "ship_to", "incoterm", "currency", "total_minor", "created_at", "expires_at")
    search_fields = ("=id",)


@admin.register(Return)
class ReturnAdmin(ReadOnlyAdmin):
    list_display = ("order", "state", "reason", "requested_at", "decided_at", "received_at", "refunded_at")
    list_filter = ("state",)
    list_select_related = ("order",)
    search_fields = ("=order__number",)


@admin.register(Coupon)
class CouponAdmin(ReadOnlyAdmin):
    list_display = ("code", "percent", "amounts", "uses", "limit_total", "limit_per_customer", "valid_to", "active")
    list_filter = ("active",)
    search_fields = ("=code",)
    inlines = [read_only(CouponUse, "order", "customer", "used_at", "given_back_at")]


@admin.register(Violation)
class ViolationAdmin(ReadOnlyAdmin):
    list_display = ("found_at", "invariant", "subject", "detail", "resolved_at", "resolved_by")
    list_filter = ("invariant", ("resolved_at", admin.EmptyFieldListFilter))
    search_fields = ("=subject",)
    actions = ["resolve"]

    @admin.action(description="Mark as cleared up")
    def resolve(self, request, queryset) -> None:
        by = request.user.get_username()
        queryset.filter(resolved_at=None).update(resolved_at=timezone.now(), resolved_by=by)


@admin.register(Cart)
class CartAdmin(ReadOnlyAdmin):
    list_display = ("id", "owner", "is_open", "currency", "updated_at")
    search_fields = ("=id", "=user_id")


@admin.register(SellableItem)
class SellableItemAdmin(ReadOnlyAdmin):
    list_display = ("sku", "version", "active", "hs_code", "origin", "weight_g")
    search_fields = ("sku",)


@admin.register(StockLevel)
class StockLevelAdmin(ReadOnlyAdmin):
    list_display = ("sku", "version", "warehouses")
    search_fields = ("sku",)
