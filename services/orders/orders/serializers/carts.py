"""Carts as callers send and see them."""

from __future__ import annotations

from typing import Any

from chassis.fields import CurrencyField, MoneySchema, StrictSerializer, money
from django.utils.translation import get_language
from rest_framework import serializers

from orders.models import Cart, SellableItem
from orders.use_cases.carts import MAX_QUANTITY
from orders.use_cases.items import price_in


class CartInput(StrictSerializer):
    currency = CurrencyField(default="EUR")


class CartQuery(StrictSerializer):
    currency = CurrencyField(required=False)


class CartItemInput(StrictSerializer):
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_QUANTITY)


class CartItemSchema(serializers.Serializer):
    sku = serializers.CharField()
    title = serializers.CharField()
    quantity = serializers.IntegerField()
    unit_price = MoneySchema()
    line_total = MoneySchema()
    active = serializers.BooleanField()


class CartSchema(serializers.Serializer):
    id = serializers.UUIDField()
    version = serializers.IntegerField()
    open = serializers.BooleanField()
    currency = serializers.CharField()
    items = CartItemSchema(many=True)  # type: ignore[assignment]
    subtotal = MoneySchema()
    coupon_code = serializers.CharField(allow_null=True, help_text="what it takes off, a quote says")


def render_cart(cart: Cart, currency: str | None = None) -> dict[str, Any]:
    """The cart with today's prices; raises Problem `currency_not_served`, which names those that are."""
    currency = currency or cart.currency
    lines = [_line(item, item.quantity, currency) for item in SellableItem.objects.in_cart(cart)]
    subtotal = sum(line["line_total"]["amount_minor"] for line in lines)
    return {
        "id": str(cart.id),
        "version": cart.version,
        "open": cart.is_open,
        "currency": currency,
        "items": lines,
        "subtotal": money(subtotal, currency),
        "coupon_code": cart.coupon_code,
    }


def _line(item: SellableItem, quantity: int, currency: str) -> dict[str, Any]:
    unit_price = price_in(item, currency)["amount_minor"]
    return {
        "sku": item.sku,
        "title": item.title(get_language() or "en"),
        "quantity": quantity,
        "unit_price": money(unit_price, currency),
        "line_total": money(unit_price * quantity, currency),
        "active": item.active,
    }
