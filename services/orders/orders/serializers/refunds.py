"""Refunds and returns as callers send and see them."""

from __future__ import annotations

from typing import Any

from chassis.fields import MoneyInput, MoneySchema, StrictSerializer, money
from chassis.pages import PageQuery
from rest_framework import serializers

from orders.domain.refunds import PARTS, RefundState
from orders.domain.returns import ReturnState
from orders.models import Refund, Return

REFUND_STATES = [state.value for state in RefundState]
RETURN_STATES = [state.value for state in ReturnState]
REASONS = ["goodwill", "damaged", "lost", "wrong_item", "price_error", "other"]
PART_CHOICES = [(part, part) for part in PARTS]


class UnitsInput(StrictSerializer):
    line_id = serializers.IntegerField(min_value=1, max_value=10_000)
    quantity = serializers.IntegerField(min_value=1, max_value=100_000)


def each_once(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len({line["line_id"] for line in lines}) < len(lines):
        raise serializers.ValidationError("Name each line once.", code="duplicate_line")
    return lines


def units_of(lines: list[dict[str, Any]]) -> dict[int, int]:
    return {line["line_id"]: line["quantity"] for line in lines}


class LineCancellationInput(StrictSerializer):
    """Without `lines`: all that has not shipped."""

    lines = UnitsInput(many=True, allow_empty=False, required=False)
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return each_once(lines)


class RefundInput(StrictSerializer):
    """Either `lines`, whose `parts` go back (all, unless named; never without the goods), or an `amount` of no line."""

    lines = UnitsInput(many=True, allow_empty=False, required=False)
    parts = serializers.ListField(
        child=serializers.ChoiceField(choices=PART_CHOICES), required=False, allow_empty=False, max_length=len(PARTS)
    )
    amount = MoneyInput(required=False)
    reason = serializers.ChoiceField(choices=REASONS)
    comment = serializers.CharField(max_length=300, default="", allow_blank=True)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return each_once(lines)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if ("lines" in values) == ("amount" in values):
            raise serializers.ValidationError("Give exactly one of lines and amount.", code="lines_or_amount")
        if "amount" in values and "parts" in values:
            raise serializers.ValidationError({"parts": ["An amount has no parts."]}, code="lines_or_amount")
        if "goods" not in values.get("parts", ["goods"]):  # such units would count as paid back: nothing for a return
            raise serializers.ValidationError({"parts": ["Give an amount to keep the goods."]}, code="parts_need_goods")
        if "amount" in values and values["amount"]["amount_minor"] == 0:
            raise serializers.ValidationError({"amount": ["Nothing would go back."]}, code="no_change")
        return values


class ReturnInput(StrictSerializer):
    lines = UnitsInput(many=True, allow_empty=False)
    reason = serializers.CharField(max_length=300, default="", allow_blank=True)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return each_once(lines)


class ReturnDecisionInput(StrictSerializer):
    comment = serializers.CharField(max_length=300, default="", allow_blank=True)


class ReceivedLineInput(UnitsInput):
    """`quantity` units came; `restock_quantity` of them are fit for sale."""

    restock_quantity = serializers.IntegerField(min_value=0, max_value=100_000)


class ReturnReceiptInput(StrictSerializer):
    lines = ReceivedLineInput(many=True, allow_empty=False)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return each_once(lines)


class RefundLineSchema(serializers.Serializer):
    line_id = serializers.IntegerField()
    quantity = serializers.IntegerField()
    goods = MoneySchema()
    freight = MoneySchema()
    duty = MoneySchema()
    tax = MoneySchema()


class RefundSchema(serializers.Serializer):
    refund_id = serializers.UUIDField(allow_null=True, help_text="null: payments gave it back by itself")
    amount = MoneySchema()
    state = serializers.ChoiceField(choices=REFUND_STATES)
    reason = serializers.CharField(allow_blank=True)
    lines = RefundLineSchema(many=True)
    requested_at = serializers.DateTimeField(allow_null=True)
    at = serializers.DateTimeField()


class ReturnSchema(serializers.Serializer):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=RETURN_STATES)
    reason = serializers.CharField(allow_blank=True)
    comment = serializers.CharField(allow_blank=True)
    lines = serializers.ListField(child=serializers.DictField())
    requested_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    received_at = serializers.DateTimeField(allow_null=True)
    refunded_at = serializers.DateTimeField(allow_null=True)


class StaffReturnSchema(ReturnSchema):
    order_id = serializers.UUIDField()
    order_number = serializers.CharField()


class StaffReturnPageSchema(serializers.Serializer):
    data = StaffReturnSchema(many=True)  # type: ignore[assignment]
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()


class StaffReturnQuery(PageQuery):
    state = serializers.ChoiceField(choices=RETURN_STATES, required=False)


def render_refund(refund: Refund) -> dict[str, Any]:
    lines = [
        {**{name: line[name] for name in ("line_id", "quantity")}, **_parts(line, refund.currency)}
        for line in refund.lines or []
    ]
    return {
        "refund_id": refund.refund_id,
        "amount": money(refund.amount_minor, refund.currency),
        "state": refund.state,
        "reason": refund.reason,
        "lines": lines,
        "requested_at": refund.requested_at,
        "at": refund.at,
    }


def _parts(line: dict[str, Any], currency: str) -> dict[str, Any]:
    return {part: money(line[part], currency) for part in PARTS}


def render_return(returned: Return) -> dict[str, Any]:
    names = ("id", "state", "reason", "comment", "lines", "requested_at", "decided_at", "received_at", "refunded_at")
    return {name: getattr(returned, name) for name in names}


def render_staff_return(returned: Return) -> dict[str, Any]:
    return {**render_return(returned), "order_id": returned.order_id, "order_number": returned.order.number}
