"""Serializer parts that every service's API shares: strictness, and money as callers see and send it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel.numbers import format_currency, get_currency_precision
from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import empty

MAX_MINOR = 10**12


class StrictSerializer(serializers.Serializer):
    """Refuses fields it does not know, so that a misspelt one is an error and not a silent default.

    With `partial`, only its own fields may be left out; the parts nested in it are whole. (DRF makes them partial too.)
    """

    def to_internal_value(self, data: Any) -> Any:
        unknown = self._unknown(data)
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            raise serializers.ValidationError({**error.detail, **unknown}) from error
        if unknown:
            raise serializers.ValidationError(unknown)
        return self._whole(values, data)

    def _whole(self, values: dict[str, Any], data: Any) -> dict[str, Any]:
        if self is self.root or not getattr(self.root, "partial", False):
            return values
        absent = {name: field for name, field in self.fields.items() if not field.read_only and name not in data}
        missing = {
            name: [ErrorDetail(str(field.error_messages["required"]), code="required")]
            for name, field in absent.items()
            if field.required
        }
        if missing:
            raise serializers.ValidationError(missing)
        defaults = {name: field.default for name, field in absent.items() if field.default is not empty}
        return {name: value() if callable(value) else value for name, value in defaults.items()} | values

    def _unknown(self, data: Any) -> dict[str, list[ErrorDetail]]:
        known = {name for name, field in self.fields.items() if not field.read_only}
        message = "There is no such field here; known are: " + ", ".join(sorted(known)) + "."
        names = sorted(set(data) - known) if isinstance(data, Mapping) else []
        return {name: [ErrorDetail(message, code="unknown_field")] for name in names}


def exponent(currency: str) -> int:
    """How many decimals the currency's minor unit has, as in ISO 4217 (JPY 0, EUR 2, KWD 3)."""
    return get_currency_precision(currency)


def money(amount_minor: int, currency: str) -> dict[str, Any]:
    """An amount as the API shows it: `display` is formatted for the request's language."""
    digits = exponent(currency)
    display = _display(amount_minor, currency, get_language() or "en")
    return {"amount_minor": amount_minor, "currency": currency, "exponent": digits, "display": display}


@lru_cache(maxsize=4096)  # babel takes a tenth of the time of a page of prices, most of which recur
def _display(amount_minor: int, currency: str, language: str) -> str:
    return format_currency(Decimal(amount_minor).scaleb(-exponent(currency)), currency, locale=language)


class MoneySchema(serializers.Serializer):
    """How money looks in answers."""

    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()
    exponent = serializers.IntegerField()
    display = serializers.CharField()


class CurrencyField(serializers.CharField):
    """An ISO 4217 code, in capitals."""

    def __init__(self, **kwargs: Any):
        super().__init__(min_length=3, max_length=3, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data)
        if not (code.isascii() and code.isalpha() and code.isupper()):
            raise serializers.ValidationError(
                "A currency is three capital letters, such as EUR.", code="invalid_currency"
            )
        return code


class CountryField(serializers.CharField):
    """An ISO 3166 alpha-2 code, in capitals."""

    def __init__(self, **kwargs: Any):
        super().__init__(min_length=2, max_length=2, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data)
        if not (code.isascii() and code.isalpha() and code.isupper()):
            raise serializers.ValidationError("A country is two capital letters, such as DE.", code="invalid_country")
        return code


class MoneyInput(StrictSerializer):
    """Money in a request: whole minor units and a currency; never a decimal fraction."""

    amount_minor = serializers.IntegerField(min_value=0, max_value=MAX_MINOR)
    currency = CurrencyField()


@extend_schema_field(MoneySchema)
class MoneyField(serializers.Field):
    """Read-only money from a model's `<source>` (minor units) and its currency field."""

    def __init__(self, currency: str = "currency", **kwargs: Any):
        self.currency_attribute = currency
        super().__init__(read_only=True, **kwargs)

    def get_attribute(self, instance: Any) -> Any:
        amount = super().get_attribute(instance)
        if amount is None:
            return None
        currency = instance
        for part in self.currency_attribute.split("."):
            currency = currency[part] if isinstance(currency, dict) else getattr(currency, part)
        return amount, currency

    def to_representation(self, value: Any) -> dict[str, Any]:
        return money(*value)
