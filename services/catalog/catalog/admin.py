"""Operators' pages: the catalogue and its stock to read, and a few things to do, each through its use case."""

from __future__ import annotations

from chassis.admin import ReadOnlyAdmin, read_only
from django.contrib import admin, messages
from django.utils import timezone

from catalog.domain.reservations import Fact
from catalog.models import (
    Category,
    Discrepancy,
    Media,
    Price,
    Product,
    ProductText,
    Reservation,
    ReservationLine,
    Restriction,
    Stock,
    StockMovement,
    Variant,
    Warehouse,
)
from catalog.use_cases import levels, products, reservations


@admin.register(Product)
class ProductAdmin(ReadOnlyAdmin):
    list_display = ("slug", "status", "brand", "category", "version", "updated_at")
    list_filter = ("status", "category")
    search_fields = ("slug", "search")
    list_select_related = ("category",)
    inlines = [
        read_only(ProductText, "language", "title", "description"),
        read_only(Variant, "sku", "active", "options", "hs_code", "origin", "weight_g", "version"),
        read_only(Restriction, "country", "reason"),
        read_only(Media, "file", "width", "height", "position"),
    ]
    actions = ["put_on_sale", "archive"]

    @admin.action(description="Put on sale")
    def put_on_sale(self, request, queryset) -> None:
        self._set_status(request, queryset, "active")

    @admin.action(description="Archive: no longer for sale")
    def archive(self, request, queryset) -> None:
        self._set_status(request, queryset, "archived")

    def _set_status(self, request, queryset, status: str) -> None:
        for product in queryset:
            products.set_status(product_id=product.pk, status=status)
            self.log_change(request, product, f"status: {status}")
        messages.success(request, f"{len(queryset)} products are {status}.")


@admin.register(Variant)
class VariantAdmin(ReadOnlyAdmin):
    list_display = ("sku", "product", "active", "hs_code", "origin", "version")
    search_fields = ("sku",)
    list_select_related = ("product",)
    inlines = [read_only(Price, "currency", "amount_minor", "tax_included_country")]


@admin.register(Stock)
class StockAdmin(ReadOnlyAdmin):
    list_display = ("variant_id", "warehouse_id", "on_hand", "held", "committed", "available", "level_changed")
    list_filter = ("warehouse", "level_changed")
    search_fields = ("=variant__sku",)
    actions = ["tell_levels"]

    @admin.action(description="Publish the level again")
    def tell_levels(self, request, queryset) -> None:
        for sku in sorted(set(queryset.values_list("variant_id", flat=True))):
            levels.publish_level(sku=sku, now=timezone.now(), even_if_known=True)


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    list_display = ("order_number", "state", "expires_at", "created_at", "updated_at")
    list_filter = ("state",)
    search_fields = ("=order_number", "=order_id")
    inlines = [read_only(ReservationLine, "line_id", "sku", "warehouse", "quantity", "fulfilled", "released")]
    actions = ["release"]

    @admin.action(description="Release what is held (as the backstop does)")
    def release(self, request, queryset) -> None:
        for reservation in queryset:
            changed = reservations.record_fact(
                order_id=reservation.pk, fact=Fact.BACKSTOP, reason="backstop", now=timezone.now()
            )
            if changed:
                self.log_change(request, reservation, "released by hand")


@admin.register(StockMovement)
class StockMovementAdmin(ReadOnlyAdmin):
    list_display = ("at", "sku", "warehouse", "on_hand", "held", "committed", "reason", "reference", "comment")
    list_filter = ("reason", "warehouse")
    search_fields = ("=sku", "=reference")


@admin.register(Discrepancy)
class DiscrepancyAdmin(ReadOnlyAdmin):
    list_display = ("found_at", "kind", "sku", "warehouse", "quantity", "detail", "resolved_at", "resolved_by")
    list_filter = ("kind", ("resolved_at", admin.EmptyFieldListFilter))
    search_fields = ("=sku", "=order_id")
    actions = ["resolve"]

    @admin.action(description="Mark as cleared up")
    def resolve(self, request, queryset) -> None:
        by = request.user.get_username()
        queryset.filter(resolved_at=None).update(resolved_at=timezone.now(), resolved_by=by)


@admin.register(Category)
class CategoryAdmin(ReadOnlyAdmin):
    list_display = ("path", "slug", "position")


@admin.register(Warehouse)
class WarehouseAdmin(ReadOnlyAdmin):
    list_display = ("code", "country", "name")
