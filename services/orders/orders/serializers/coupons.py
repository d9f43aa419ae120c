"""Coupons as shoppers and staff send and see them."""

from __future__ import annotations

from typing import Any

from chassis.fields import MAX_MINOR, StrictSerializer
from chassis.pages import PageQuery
from rest_framework import serializers

from orders.domain.money import EXPONENTS
from orders.models import Coupon

CODE = r"^[A-Za-z0-9][A-Za-z0-9_-]{2,39}\Z"
FIELDS = ("percent", "amounts", "minimum", "valid_from", "valid_to", "limit_total", "limit_per_customer", "active")


class CodeField(serializers.RegexField):
    """Shoppers may write it in small letters; it is kept in capitals."""

    def __init__(self, **kwargs: Any):
        super().__init__(CODE, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).upper()


class CouponCodeInput(StrictSerializer):
    code = CodeField()


class AmountsField(serializers.DictField):
    """Minor units by currency: `{"EUR": 500, "USD": 600}`."""

    def __init__(self, **kwargs: Any):
        super().__init__(child=serializers.IntegerField(min_value=1, max_value=MAX_MINOR), **kwargs)

    def to_internal_value(self, data: Any) -> dict[str, int]:
        amounts = super().to_internal_value(data)
        if unknown := sorted(set(amounts) - set(EXPONENTS)):
            raise serializers.ValidationError(f"{unknown[0]} is not an ISO 4217 currency.", code="invalid_currency")
        return amounts


class CouponChange(StrictSerializer):
    percent = serializers.DecimalField(
        max_digits=7, decimal_places=4, min_value=0, max_value=100, allow_null=True, required=False
    )
    amounts = AmountsField(required=False)
    minimum = AmountsField(required=False)
    valid_from = serializers.DateTimeField(allow_null=True, required=False)
    valid_to = serializers.DateTimeField(allow_null=True, required=False)
    limit_total = serializers.IntegerField(min_value=1, max_value=10**9, allow_null=True, required=False)
    limit_per_customer = serializers.IntegerField(min_value=1, max_value=10**6, allow_null=True, required=False)
    active = serializers.BooleanField(required=False)


class CouponInput(CouponChange):
    """Either `percent`, or `amounts`: what comes off a cart in each of its currencies."""

    code = CodeField()

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        refuse_what_does_not_fit(Coupon(**values))
        return values


class CouponQuery(PageQuery):
    active = serializers.BooleanField(required=False, allow_null=True, default=None)


class CouponSchema(serializers.Serializer):
    code = serializers.CharField()
    percent = serializers.CharField(allow_null=True)
    amounts = serializers.DictField(child=serializers.IntegerField())
    minimum = serializers.DictField(child=serializers.IntegerField())
    valid_from = serializers.DateTimeField(allow_null=True)
    valid_to = serializers.DateTimeField(allow_null=True)
    limit_total = serializers.IntegerField(allow_null=True)
    limit_per_customer = serializers.IntegerField(allow_null=True)
    active = serializers.BooleanField()
    uses = serializers.IntegerField()
    version = serializers.IntegerField()


class CouponPageSchema(serializers.Serializer):
    data = CouponSchema(many=True)  # type: ignore[assignment]
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()


def refuse_what_does_not_fit(coupon: Coupon) -> None:
    """Raises ValidationError unless the coupon takes off exactly one kind of thing and ends after it begins."""
    if (coupon.percent is None) == (not coupon.amounts):
        raise serializers.ValidationError("Give exactly one of percent and amounts.", code="percent_or_amounts")
    if coupon.percent == 0:
        raise serializers.ValidationError({"percent": ["Nothing would come off."]}, code="no_change")
    if coupon.valid_from and coupon.valid_to and coupon.valid_to <= coupon.valid_from:
        raise serializers.ValidationError({"valid_to": ["It ends before it begins."]}, code="invalid")


def render_coupon(coupon: Coupon) -> dict[str, Any]:
    names = ("code", *FIELDS, "uses", "version")
    shown = {name: getattr(coupon, name) for name in names}
    return {**shown, "percent": None if coupon.percent is None else f"{coupon.percent.normalize():f}"}
