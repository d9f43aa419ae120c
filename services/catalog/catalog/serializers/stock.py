"""Stock and bulk imports as staff see and send them."""

from __future__ import annotations

from typing import Any

from chassis.fields import CountryField, CurrencyField, StrictSerializer
from chassis.pages import PageQuery
from chassis.problems import pointers
from rest_framework import serializers

from catalog.serializers.staff import SKU

WAREHOUSE = r"^[A-Z0-9][A-Z0-9-]{0,31}\Z"
REASONS = ["received", "counted", "damaged", "lost", "found", "sample"]
MAX_UNITS = 10_000_000
MAX_ROWS = 1000


class StockQuery(PageQuery):
    sku = serializers.RegexField(SKU, required=False)
    warehouse = serializers.RegexField(WAREHOUSE, required=False)
    available_lte = serializers.IntegerField(required=False, min_value=0, max_value=MAX_UNITS)


class StockSchema(serializers.Serializer):
    sku = serializers.CharField(source="variant_id")
    warehouse = serializers.CharField(source="warehouse_id")
    on_hand = serializers.IntegerField()
    held = serializers.IntegerField()
    committed = serializers.IntegerField()
    available = serializers.IntegerField()


class StockPageSchema(serializers.Serializer):
    data = StockSchema(many=True)  # type: ignore[assignment]
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()


class AdjustmentInput(StrictSerializer):
    sku = serializers.RegexField(SKU)
    warehouse = serializers.RegexField(WAREHOUSE)
    delta = serializers.IntegerField(min_value=-MAX_UNITS, max_value=MAX_UNITS, help_text="Units; negative: gone.")
    reason = serializers.ChoiceField(choices=REASONS)
    comment = serializers.CharField(max_length=300, allow_blank=True, default="")
    force = serializers.BooleanField(
        default=False, help_text="Gone even if promised: the newest unpaid orders lose theirs first, then paid ones."
    )

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if values["force"] and values["delta"] > 0:
            raise serializers.ValidationError({"force": ["Only goods that are gone are forced."]}, code="not_gone")
        return values

    def validate_delta(self, delta: int) -> int:
        if delta == 0:
            raise serializers.ValidationError("Nothing would change.", code="no_change")
        return delta


class ImportQuery(StrictSerializer):
    kind = serializers.ChoiceField(choices=["prices", "stock"])


class PriceRow(StrictSerializer):
    sku = serializers.RegexField(SKU)
    currency = CurrencyField()
    amount_minor = serializers.IntegerField(min_value=0, max_value=10**12)
    tax_included_country = CountryField(allow_null=True, default=None)


class StockRow(StrictSerializer):
    sku = serializers.RegexField(SKU)
    warehouse = serializers.RegexField(WAREHOUSE)
    on_hand = serializers.IntegerField(min_value=0, max_value=MAX_UNITS, help_text="Units counted.")


ROWS: dict[str, type[StrictSerializer]] = {"prices": PriceRow, "stock": StockRow}


class ImportInput(StrictSerializer):
    rows = serializers.ListField(
        child=serializers.DictField(),
        min_length=1,
        max_length=MAX_ROWS,
        help_text="Prices: sku, currency, amount_minor, tax_included_country. Stock: sku, warehouse, on_hand.",
    )


class RowErrorSchema(serializers.Serializer):
    row = serializers.IntegerField(help_text="1 is the first row of data.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ImportSchema(serializers.Serializer):
    applied = serializers.IntegerField()
    errors = RowErrorSchema(many=True)  # type: ignore[assignment]


def parse_rows(kind: str, rows: list[dict[str, Any]]) -> tuple[dict[int, dict[str, Any]], list[dict[str, Any]]]:
    """The good rows by their number, counted from 1, and what is wrong with the others."""
    good, errors = {}, []
    for number, row in enumerate(rows, start=1):
        parsed = ROWS[kind](data=row)
        if parsed.is_valid():
            good[number] = parsed.validated_data
        for each in pointers(parsed.errors):
            detail = f"{each['pointer'].removeprefix('#/')}: {each['detail']}"
            errors.append({"row": number, "code": each["code"], "detail": detail})
    return good, errors
