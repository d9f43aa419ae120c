"""Keyset pages: constant work however deep, and no row twice when rows are added in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core import signing
from django.db.models import Q, QuerySet
from rest_framework import serializers

from chassis.fields import StrictSerializer
from chassis.problems import Problem

SALT = "chassis.pages"


class PageQuery(StrictSerializer):
    """`limit` (1..100, default 50) and the opaque `cursor` of the previous answer."""

    limit = serializers.IntegerField(min_value=1, max_value=100, default=50)
    cursor = serializers.CharField(required=False, max_length=1000)


def page(
    queryset: QuerySet, *, order: tuple[str, ...], query: dict[str, Any], render: Callable[[list], list]
) -> dict[str, Any]:
    """One page as {"data", "next_cursor", "has_more"}; `order` must end in a unique field, "-" for descending.

    Raises Problem 400 `invalid_cursor` for a cursor that this order did not make.
    """
    limit = query.get("limit", 50)
    if query.get("cursor"):
        queryset = queryset.filter(_after(order, _read(query["cursor"], order)))
    rows = list(queryset.order_by(*order)[: limit + 1])
    has_more = len(rows) > limit
    rows = rows[:limit]
    cursor = _write(rows[-1], order) if has_more else None
    return {"data": render(rows), "next_cursor": cursor, "has_more": has_more}


def _after(order: tuple[str, ...], values: list[Any]) -> Q:
    """(a, b) > (x, y) written as a > x OR (a = x AND b > y), which the optimiser reads as ranges of the index."""
    condition = Q()
    for position, field in enumerate(order):
        name = field.lstrip("-")
        beyond = Q(**{f"{name}__{'lt' if field.startswith('-') else 'gt'}": values[position]})
        equal = Q(**{earlier.lstrip("-"): values[i] for i, earlier in enumerate(order[:position])})
        condition |= equal & beyond
    return condition


def _write(row: Any, order: tuple[str, ...]) -> str:
    values = []
    for field in order:
        value: Any = row
        for part in field.lstrip("-").split("__"):
            value = getattr(value, part)
        values.append(
            value if isinstance(value, int) else value.isoformat() if hasattr(value, "isoformat") else str(value)
        )
    return signing.dumps([list(order), values], salt=SALT, compress=True)


def _read(cursor: str, order: tuple[str, ...]) -> list[Any]:
    try:
        fields, values = signing.loads(cursor, salt=SALT)
    except (signing.BadSignature, ValueError) as error:
        raise Problem("invalid_cursor", "This cursor is not one of ours. Start without one.") from error
    if tuple(fields) != order:
        raise Problem("invalid_cursor", "This cursor belongs to another sort order. Start without one.")
    return values
