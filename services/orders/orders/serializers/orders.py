"""Orders as callers send and see them."""

from __future__ import annotations

from typing import Any

from chassis.fields import CountryField, MoneySchema, StrictSerializer, money
from chassis.pages import PageQuery
from rest_framework import serializers

from orders.domain import lifecycle
from orders.models import Order

STATES = [state.value for state in lifecycle.State]


class AddressInput(StrictSerializer):
    """A postal address; `region` where the country has one that matters."""

    name = serializers.CharField(max_length=120)
    company = serializers.CharField(max_length=120, required=False, allow_blank=True)
    line1 = serializers.CharField(max_length=200)
    line2 = serializers.CharField(max_length=200, required=False, allow_blank=True)
    city = serializers.CharField(max_length=100)
    region = serializers.CharField(max_length=100, required=False, allow_blank=True)
    postal_code = serializers.CharField(max_length=20, required=False, allow_blank=True)
    country = CountryField()
    phone = serializers.RegexField(r"^\+?[0-9 ()-]{5,25}$", required=False)


class ContactInput(StrictSerializer):
    email = serializers.EmailField(max_length=254)
    name = serializers.CharField(max_length=200)


class OrderInput(StrictSerializer):
    quote_id = serializers.UUIDField()
    contact = ContactInput()
    shipping_address = AddressInput()
    billing_address = AddressInput(required=False)
    vat_id = serializers.RegexField(r"^[A-Za-z0-9 .-]{2,32}$", required=False)


class CancelInput(StrictSerializer):
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)


class OrderQuery(PageQuery):
    state = serializers.ChoiceField(choices=STATES, required=False)


class StaffOrderQuery(OrderQuery):
    number = serializers.RegexField(r"^CB-[0-9A-Z]{10}$", required=False)
    to_ship = serializers.BooleanField(required=False, allow_null=True, default=None)
    held = serializers.BooleanField(required=False, allow_null=True, default=None)
    refund_failed = serializers.BooleanField(required=False, allow_null=True, default=None)


class ShipmentLineInput(StrictSerializer):
    line_id = serializers.IntegerField(min_value=1, max_value=10_000)
    quantity = serializers.IntegerField(min_value=1, max_value=100_000)


class ShipmentInput(StrictSerializer):
    lines = ShipmentLineInput(many=True, allow_empty=False)
    carrier = serializers.CharField(max_length=60)
    tracking_number = serializers.CharField(max_length=80)

    def validate_lines(self, lines: list[dict[str, int]]) -> list[dict[str, int]]:
        if len({line["line_id"] for line in lines}) < len(lines):
            raise serializers.ValidationError("Name each line once.", code="duplicate_line")
        return lines


class NextActionSchema(serializers.Serializer):
    type = serializers.ChoiceField(choices=["wait", "pay", "none"])


class OrderLineSchema(serializers.Serializer):
    line_id = serializers.IntegerField()
    sku = serializers.CharField()
    title = serializers.CharField()
    quantity = serializers.IntegerField()
    shipped = serializers.IntegerField()
    unit_price = MoneySchema()
    goods = MoneySchema()
    freight = MoneySchema()
    duty = MoneySchema()
    tax = MoneySchema()


class ChargeSchema(serializers.Serializer):
    kind = serializers.CharField()
    amount = MoneySchema()
    collect = serializers.ChoiceField(choices=["checkout", "delivery"])


class OrderSummarySchema(serializers.Serializer):
    id = serializers.UUIDField()
    number = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    total = MoneySchema()
    placed_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    payment_id = serializers.UUIDField()
    next_action = NextActionSchema()


class RefundSchema(serializers.Serializer):
    refund_id = serializers.UUIDField(allow_null=True)
    amount = MoneySchema()
    state = serializers.CharField()
    at = serializers.DateTimeField()


class ShipmentSchema(serializers.Serializer):
    id = serializers.UUIDField()
    carrier = serializers.CharField()
    tracking_number = serializers.CharField()
    lines = serializers.ListField(child=serializers.DictField())
    shipped_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)


class OrderSchema(OrderSummarySchema):
    version = serializers.IntegerField()
    contact = serializers.DictField()
    shipping_address = serializers.DictField()
    billing_address = serializers.DictField(allow_null=True)
    vat_id = serializers.CharField(allow_blank=True)
    incoterm = serializers.CharField()
    shipping_method = serializers.CharField()
    lines = OrderLineSchema(many=True)
    charges = ChargeSchema(many=True)
    refunds = RefundSchema(many=True)
    shipments = ShipmentSchema(many=True)
    rejected_lines = serializers.ListField(child=serializers.DictField())
    hold_reasons = serializers.ListField(child=serializers.CharField())
    paid_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)


class TimelineEntrySchema(serializers.Serializer):
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    state = serializers.CharField()
    detail = serializers.DictField()


class TimelineSchema(serializers.Serializer):
    data = TimelineEntrySchema(many=True)


class OrderPageSchema(serializers.Serializer):
    data = OrderSummarySchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()


def render_summary(order: Order) -> dict[str, Any]:
    return {
        "id": str(order.id),
        "number": order.number,
        "state": order.state,
        "total": money(order.total_minor, order.currency),
        "placed_at": order.placed_at,
        "expires_at": order.expires_at,
        "payment_id": str(order.payment_id),
        "next_action": {"type": lifecycle.next_action(lifecycle.State(order.state))},
    }


def render_order(order: Order) -> dict[str, Any]:
    """The whole order; four queries: the order with its quote, lines, refunds, shipments."""
    currency = order.currency
    refunds = [
        {
            "refund_id": refund.refund_id,
            "amount": money(refund.amount_minor, currency),
            "state": refund.state,
            "at": refund.at,
        }
        for refund in order.refunds.all()
    ]
    shipped = ("id", "carrier", "tracking_number", "lines", "shipped_at", "delivered_at")
    return {
        **render_summary(order),
        "version": order.version,
        "contact": order.contact,
        "shipping_address": order.shipping_address,
        "billing_address": order.billing_address,
        "vat_id": order.vat_id,
        "incoterm": order.quote.incoterm,
        "shipping_method": order.quote.shipping_method,
        "lines": [_line(line, currency) for line in order.lines.all()],
        "charges": [
            {"kind": charge["kind"], "amount": money(charge["amount_minor"], currency), "collect": charge["collect"]}
            for charge in order.charges
        ],
        "refunds": refunds,
        "shipments": [{name: getattr(shipment, name) for name in shipped} for shipment in order.shipments.all()],
        "rejected_lines": order.rejected_lines,
        "hold_reasons": order.hold_reasons,
        "paid_at": order.paid_at,
        "closed_at": order.closed_at,
    }


def _line(line: Any, currency: str) -> dict[str, Any]:
    amounts = {name: money(getattr(line, f"{name}_minor"), currency) for name in ("goods", "freight", "duty", "tax")}
    names = {name: getattr(line, name) for name in ("line_id", "sku", "title", "quantity", "shipped")}
    return {**names, "unit_price": money(line.unit_price_minor, currency), **amounts}
