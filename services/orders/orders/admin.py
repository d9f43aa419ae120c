"""Operators' pages: orders and what happened to them, to read and to cancel; never to edit by hand."""

from __future__ import annotations

from functools import partial

from chassis.admin import ReadOnlyAdmin, read_only
from chassis.problems import Problem
from django.contrib import admin, messages
from django.utils import timezone
from outbox.transactions import retry_conflicts

from orders.models import Cart, Order, OrderLine, Quote, Refund, SellableItem, Shipment, StockLevel, TimelineEntry
from orders.use_cases import orders


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ("number", "state", "total_minor", "currency", "placed_at", "expires_at", "paid_at", "hold_reasons")
    list_filter = ("state", "currency", "placed_at")
    search_fields = ("number", "=id", "=payment_id", "=user_id")
    ordering = ("-placed_at",)
    inlines = [
        read_only(TimelineEntry, "at", "kind", "state", "detail"),
        read_only(OrderLine, "line_id", "sku", "title", "quantity", "shipped", "warehouse", "goods_minor", "tax_minor"),
        read_only(Shipment, "carrier", "tracking_number", "lines", "shipped_at", "delivered_at"),
        read_only(Refund, "refund_id", "amount_minor", "state", "at"),
    ]
    actions = ["cancel"]

    @admin.action(description="Cancel (stock and money go back)")
    def cancel(self, request, queryset) -> None:
        for order in queryset:
            try:
                comment = f"operator {request.user.get_username()}"
                cancel = partial(orders.cancel_order, order=order, by="staff", comment=comment, now=timezone.now())
                retry_conflicts(cancel)
                self.log_change(request, order, "cancelled")
            except Problem as problem:
                self.message_user(request, f"{order.number}: {problem.detail}", messages.ERROR)


@admin.register(Quote)
class QuoteAdmin(ReadOnlyAdmin):
    list_display = ("id", "ship_to", "incoterm", "currency", "total_minor", "created_at", "expires_at")
    search_fields = ("=id",)


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
