"""Quotes as callers send and see them."""

from __future__ import annotations

from typing import Any

from chassis.fields import CountryField, CurrencyField, MoneySchema, StrictSerializer, money
from rest_framework import serializers

from orders.models import Quote
from orders.use_cases.carts import MAX_LINES, MAX_QUANTITY

INCOTERMS = ["DDP", "DAP", "both"]


class PlaceInput(StrictSerializer):
    country = CountryField()
    region = serializers.CharField(max_length=100, required=False, allow_blank=True)
    postal_code = serializers.CharField(max_length=20, required=False, allow_blank=True)


class QuoteItemInput(StrictSerializer):
    sku = serializers.CharField(max_length=64)
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_QUANTITY)


class QuoteInput(StrictSerializer):
    """Either a cart or a list of items."""

    cart_id = serializers.UUIDField(required=False)
    items = QuoteItemInput(many=True, required=False, allow_empty=False, max_length=MAX_LINES)  # type: ignore[assignment]
    ship_to = PlaceInput()
    currency = CurrencyField()
    incoterm = serializers.ChoiceField(choices=INCOTERMS, default="DDP")
    shipping_method = serializers.CharField(max_length=64, required=False)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if ("cart_id" in values) == ("items" in values):
            raise serializers.ValidationError("Give exactly one of cart_id and items.", code="cart_or_items")
        skus = [item["sku"] for item in values.get("items", [])]
        if len(set(skus)) < len(skus):
            raise serializers.ValidationError({"items": ["Name each SKU once."]}, code="duplicate_sku")
        return values


class ShippingMethodQuery(StrictSerializer):
    ship_to = CountryField()


class RuleSchema(serializers.Serializer):
    kind = serializers.CharField(help_text="goods, discount, freight, insurance, duty, fee or tax")
    label = serializers.CharField()
    amount = MoneySchema()
    base = MoneySchema(allow_null=True)
    expression = serializers.CharField(allow_blank=True)
    rule = serializers.CharField(allow_blank=True)
    rule_id = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField(allow_null=True)
    valid_from = serializers.DateField(allow_null=True)
    source = serializers.CharField(allow_blank=True)
    source_date = serializers.DateField(allow_null=True)


class QuoteLineSchema(serializers.Serializer):
    line_id = serializers.IntegerField()
    sku = serializers.CharField()
    title = serializers.CharField()
    quantity = serializers.IntegerField()
    warehouse = serializers.CharField()
    unit_price = MoneySchema()
    discount = MoneySchema(help_text="not above zero")
    goods = MoneySchema(help_text="after discount")
    freight = MoneySchema()
    duty = MoneySchema()
    tax = MoneySchema()
    explained = RuleSchema(many=True)


class QuoteChargeSchema(serializers.Serializer):
    kind = serializers.CharField()
    amount = MoneySchema()
    collect = serializers.ChoiceField(choices=["checkout", "delivery"])


class ExchangeRateSchema(serializers.Serializer):
    currency = serializers.CharField()
    per_euro = serializers.CharField(help_text="major units for one euro")
    day = serializers.DateField()
    source = serializers.CharField()


class QuoteReturnTermsSchema(serializers.Serializer):
    """Which parts of the price come back with returned goods, how long after their arrival, and by which rule."""

    window_days = serializers.IntegerField()
    refunds = serializers.ListField(child=serializers.CharField())
    rule = serializers.CharField(allow_blank=True)
    rule_id = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField(allow_null=True)
    source = serializers.CharField(allow_blank=True)
    source_date = serializers.DateField(allow_null=True)


class QuoteSchema(serializers.Serializer):
    id = serializers.UUIDField()
    ship_to = PlaceInput()
    currency = serializers.CharField()
    incoterm = serializers.ChoiceField(choices=["DDP", "DAP"])
    shipping_method = serializers.CharField()
    delivery_days = serializers.ListField(child=serializers.IntegerField())
    lines = QuoteLineSchema(many=True)
    charges = QuoteChargeSchema(many=True)
    total = MoneySchema()
    coupon_code = serializers.CharField(allow_null=True)
    return_terms = QuoteReturnTermsSchema(allow_null=True)
    exchange_rates = ExchangeRateSchema(many=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class RefusedSchema(serializers.Serializer):
    incoterm = serializers.CharField()
    errors = serializers.ListField(child=serializers.DictField())


class QuotesSchema(serializers.Serializer):
    data = QuoteSchema(many=True)
    refused = RefusedSchema(many=True, help_text="Asked for both Incoterms: the one that cannot be quoted, and why")


class ShippingMethodSchema(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    origin = serializers.CharField()
    duties_paid = serializers.BooleanField()
    delivery_days = serializers.ListField(child=serializers.IntegerField())
    bands = serializers.ListField(child=serializers.DictField())


class ShippingMethodsSchema(serializers.Serializer):
    data = ShippingMethodSchema(many=True)


def render_quote(quote: Quote) -> dict[str, Any]:
    currency = quote.currency
    return {
        "id": str(quote.id),
        "ship_to": quote.ship_to,
        "currency": currency,
        "incoterm": quote.incoterm,
        "shipping_method": quote.shipping_method,
        "delivery_days": quote.delivery_days,
        "lines": [_line(line, currency) for line in quote.lines],
        "charges": [
            {"kind": charge["kind"], "amount": money(charge["amount_minor"], currency), "collect": charge["collect"]}
            for charge in quote.charges
        ],
        "total": money(quote.total_minor, currency),
        "coupon_code": quote.coupon_code,
        "return_terms": quote.return_terms,
        "exchange_rates": quote.rates,
        "created_at": quote.created_at,
        "expires_at": quote.expires_at,
    }


def _line(line: dict[str, Any], currency: str) -> dict[str, Any]:
    parts = ("discount", "goods", "freight", "duty", "tax")
    amounts = {name: money(line.get(f"{name}_minor", 0), currency) for name in parts}
    names = {name: line[name] for name in ("line_id", "sku", "title", "quantity", "warehouse")}
    explained = [
        {
            **{name: value for name, value in step.items() if name not in {"amount_minor", "base_minor"}},
            "amount": money(step["amount_minor"], currency),
            "base": None if step["base_minor"] is None else money(step["base_minor"], currency),
        }
        for step in line["explained"]
    ]
    return {**names, "unit_price": money(line["unit_price_minor"], currency), **amounts, "explained": explained}
