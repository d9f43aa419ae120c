"""Bulk changes, row by row: a good row counts whatever becomes of the others; the same file again changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from chassis.problems import Problem

from catalog.use_cases import products, stock

Rows = dict[int, dict[str, Any]]


def import_prices(*, rows: Rows) -> list[dict[str, Any]]:
    """Set prices, each in a transaction of its own; what was refused, by row number."""
    return _refused(rows, lambda row: products.set_price(**row))


def import_stock(*, rows: Rows, by: str, now: datetime) -> list[dict[str, Any]]:
    """Book counted stock, each row in a transaction of its own; what was refused, by row number."""
    return _refused(rows, lambda row: stock.count_stock(**row, by=by, now=now))


def _refused(rows: Rows, apply: Callable[[dict[str, Any]], Any]) -> list[dict[str, Any]]:
    errors = []
    for number, row in rows.items():
        try:
            apply(row)
        except Problem as refusal:
            errors.append({"row": number, "code": refusal.code, "detail": str(refusal.detail)})
    return errors
