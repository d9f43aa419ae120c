"""Orders as callers send and see them."""

from __future__ import annotations

from typing import Any

from chassis.fields import CountryField, MoneySchema, StrictSerializer, money
from chassis.pages import PageQuery
from rest_framework import serializers

from orders.domain import lifecycle
from orders.domain.returns import Terms
from orders.models import Order, OrderLine
from orders.serializers.refunds import (
    RefundSchema,
    ReturnSchema,
    UnitsInput,
    each_once,
    render_refund,
    render_return,
)

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
    email = serializers.EmailField(required=False)
    placed_from = serializers.DateTimeField(required=False)
    placed_to = serializers.DateTimeField(required=False, help_text="not this moment itself")
    to_ship = serializers.BooleanField(required=False, allow_null=True, default=None)
    held = serializers.BooleanField(required=False, allow_null=True, default=None)
    refund_failed = serializers.BooleanField(required=False, allow_null=True, default=None)
    return_requested = serializers.BooleanField(required=False, allow_null=True, default=None)


class ShipmentInput(StrictSerializer):
    lines = UnitsInput(many=True, allow_empty=False)
    carrier = serializers.CharField(max_length=60)
    tracking_number = serializers.CharField(max_length=80)

    def validate_lines(self, lines: list[dict[str, int]]) -> list[dict[str, int]]:
        return each_once(lines)


class NextActionSchema(serializers.Serializer):
    type = serializers.ChoiceField(choices=["wait", "pay", "none"])


class OrderLineSchema(serializers.Serializer):
    line_id = serializers.IntegerField()
    sku = serializers.CharField()
    title = serializers.CharField()
    quantity = serializers.IntegerField()
    shipped = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    returning = serializers.IntegerField(help_text="on their way back, or received")
    refunded = serializers.IntegerField(help_text="units whose money was asked back")
    unit_price = MoneySchema()
    discount = MoneySchema(help_text="not above zero")
    goods = MoneySchema(help_text="after discount")
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


class ShipmentSchema(serializers.Serializer):
    id = serializers.UUIDField()
    carrier = serializers.CharField()
    tracking_number = serializers.CharField()
    lines = serializers.ListField(child=serializers.DictField())
    shipped_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)


class DisputeSchema(serializers.Serializer):
    amount = MoneySchema()
    reason = serializers.CharField()
    due_by = serializers.DateTimeField(allow_null=True)
    outcome = serializers.ChoiceField(choices=["won", "lost"], allow_null=True)


class ReturnTermsSchema(serializers.Serializer):
    window_days = serializers.IntegerField()
    refunds = serializers.ListField(child=serializers.CharField())


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
    coupon_code = serializers.CharField(allow_null=True)
    refunded = MoneySchema()
    refunds = RefundSchema(many=True)
    returns = ReturnSchema(many=True)
    return_terms = ReturnTermsSchema()
    dispute = DisputeSchema(allow_null=True)
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


class StaffTimelineEntrySchema(TimelineEntrySchema):
    cause = serializers.CharField(
        allow_null=True, help_text="event:<id>, user:<id>, guest:<hash>, staff:<id>, operator:<name> or clock"
    )


class StaffTimelineSchema(serializers.Serializer):
    data = StaffTimelineEntrySchema(many=True)  # type: ignore[assignment]


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


def render_order(order: Order, new_lines: list[OrderLine] | None = None) -> dict[str, Any]:
    """The whole order; five queries: the order with its quote, lines, refunds, returns, shipments.

    Of an order that was just placed `new_lines` are all there is to know, and nothing is asked; of one that is not paid
    there are no shipments and no returns.
    """
    lines = order.lines.all() if new_lines is None else new_lines
    back = order.refunds.all() if new_lines is None else []
    returned, shipments = (order.returns.all(), order.shipments.all()) if order.paid_at else ([], [])
    currency = order.currency
    terms = Terms.read(order.quote.return_terms)
    dispute = order.dispute and {**order.dispute, "amount": money(order.dispute["amount"]["amount_minor"], currency)}
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
        "lines": [_line(line, currency) for line in lines],
        "charges": [
            {"kind": charge["kind"], "amount": money(charge["amount_minor"], currency), "collect": charge["collect"]}
            for charge in order.charges
        ],
        "coupon_code": order.coupon_code,
        "refunded": money(order.refunded_minor, currency),
        "refunds": [render_refund(refund) for refund in back],
        "returns": [render_return(each) for each in returned],
        "return_terms": {"window_days": terms.window_days, "refunds": list(terms.parts)},
        "dispute": dispute,
        "shipments": [{name: getattr(shipment, name) for name in shipped} for shipment in shipments],
        "rejected_lines": order.rejected_lines,
        "hold_reasons": order.hold_reasons,
        "paid_at": order.paid_at,
        "closed_at": order.closed_at,
    }


def _line(line: Any, currency: str) -> dict[str, Any]:
    parts = ("discount", "goods", "freight", "duty", "tax")
    amounts = {name: money(getattr(line, f"{name}_minor"), currency) for name in parts}
    counted = ("line_id", "sku", "title", "quantity", "shipped", "cancelled", "returning", "refunded")
    names = {name: getattr(line, name) for name in counted}
    return {**names, "unit_price": money(line.unit_price_minor, currency), **amounts}
