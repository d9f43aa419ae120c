"""Invoices and the export of orders, as callers see them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from chassis.fields import MoneySchema, exponent, money
from django.conf import settings
from rest_framework import serializers

from orders.models import Invoice, Order, OrderLine

COLUMNS = ("number", "placed_at", "state", "currency", "total", "refunded", "name", "email", "country", "tracking")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class PartySchema(serializers.Serializer):
    name = serializers.CharField()
    address = serializers.DictField()
    vat_id = serializers.CharField(allow_blank=True)


class SellerSchema(serializers.Serializer):
    name = serializers.CharField()
    address = serializers.CharField(allow_blank=True)
    country = serializers.CharField()
    vat_id = serializers.CharField(allow_blank=True)
    eori = serializers.CharField(allow_blank=True)


class InvoiceLineSchema(serializers.Serializer):
    line_id = serializers.IntegerField()
    sku = serializers.CharField()
    title = serializers.CharField()
    hs_code = serializers.CharField(allow_null=True)
    origin = serializers.CharField(allow_null=True)
    quantity = serializers.IntegerField()
    unit_price = MoneySchema()
    discount = MoneySchema()
    goods = MoneySchema()
    freight = MoneySchema()
    duty = MoneySchema()
    tax = MoneySchema()


class InvoiceSchema(serializers.Serializer):
    number = serializers.CharField()
    issued_at = serializers.DateTimeField()
    order_number = serializers.CharField()
    placed_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField()
    seller = SellerSchema()
    buyer = PartySchema()
    ship_to = serializers.DictField()
    currency = serializers.CharField()
    incoterm = serializers.CharField()
    lines = InvoiceLineSchema(many=True)
    charges = serializers.ListField(child=serializers.DictField())
    total = MoneySchema()
    refunded = MoneySchema()


class CustomsLineSchema(serializers.Serializer):
    line_id = serializers.IntegerField()
    sku = serializers.CharField()
    description = serializers.CharField()
    hs_code = serializers.CharField(allow_null=True)
    origin = serializers.CharField(allow_null=True)
    quantity = serializers.IntegerField()
    weight_g = serializers.IntegerField(allow_null=True)
    value = MoneySchema()
    freight = MoneySchema()
    customs_value = MoneySchema()


class CustomsInvoiceSchema(serializers.Serializer):
    number = serializers.CharField()
    issued_at = serializers.DateTimeField()
    order_number = serializers.CharField()
    exporter = SellerSchema()
    consignee = serializers.DictField()
    currency = serializers.CharField()
    incoterm = serializers.CharField()
    reason_for_export = serializers.CharField()
    lines = CustomsLineSchema(many=True)
    total_value = MoneySchema()
    total_customs_value = MoneySchema()
    total_weight_g = serializers.IntegerField()


def render_invoice(order: Order, invoice: Invoice) -> dict[str, Any]:
    currency = order.currency
    return {
        **_heading(order, invoice),
        "placed_at": order.placed_at,
        "paid_at": order.paid_at,
        "seller": settings.SELLER,
        "buyer": {
            "name": order.contact["name"],
            "address": order.billing_address or order.shipping_address,
            "vat_id": order.vat_id,
        },
        "ship_to": order.shipping_address,
        "lines": [_line(line, quoted, currency) for line, quoted in _lines(order)],
        "charges": [
            {"kind": charge["kind"], "amount": money(charge["amount_minor"], currency), "collect": charge["collect"]}
            for charge in order.charges
        ],
        "total": money(order.total_minor, currency),
        "refunded": money(order.refunded_minor, currency),
    }


def render_customs_invoice(order: Order, invoice: Invoice) -> dict[str, Any]:
    """What the customs of the destination ask for: what it is, where from, what it is worth there (after discount)."""
    lines = [_customs_line(line, quoted, order.currency) for line, quoted in _lines(order)]
    total = lambda name: money(sum(line[name]["amount_minor"] for line in lines), order.currency)  # noqa: E731
    return {
        **_heading(order, invoice),
        "exporter": settings.SELLER,
        "consignee": order.shipping_address,
        "reason_for_export": "sale",
        "lines": lines,
        "total_value": total("value"),
        "total_customs_value": total("customs_value"),
        "total_weight_g": sum(line["weight_g"] or 0 for line in lines),
    }


def crosses_customs(order: Order) -> bool:
    """Whether the goods enter another customs territory: only then has a line a customs value."""
    return any(line.get("customs_value_minor") for line in order.quote.lines)


def _heading(order: Order, invoice: Invoice) -> dict[str, Any]:
    return {
        "number": invoice.number,
        "issued_at": invoice.issued_at,
        "order_number": order.number,
        "currency": order.currency,
        "incoterm": order.quote.incoterm,
    }


def _lines(order: Order) -> Iterator[tuple[OrderLine, dict[str, Any]]]:
    """Each line with what the quote kept of it."""
    quoted = {line["line_id"]: line for line in order.quote.lines}
    for line in order.lines.all():
        yield line, quoted.get(line.line_id, {})


def _line(line: OrderLine, quoted: dict[str, Any], currency: str) -> dict[str, Any]:
    names = ("goods", "discount", "freight", "duty", "tax")
    return {
        "line_id": line.line_id,
        "sku": line.sku,
        "title": line.title,
        "hs_code": quoted.get("hs_code"),
        "origin": quoted.get("origin"),
        "quantity": line.quantity,
        "unit_price": money(line.unit_price_minor, currency),
        **{name: money(getattr(line, f"{name}_minor"), currency) for name in names},
    }


def _customs_line(line: OrderLine, quoted: dict[str, Any], currency: str) -> dict[str, Any]:
    return {
        "line_id": line.line_id,
        "sku": line.sku,
        "description": line.title,
        "hs_code": quoted.get("hs_code"),
        "origin": quoted.get("origin"),
        "quantity": line.quantity,
        "weight_g": quoted.get("weight_g"),
        "value": money(line.goods_minor, currency),
        "freight": money(line.freight_minor, currency),
        "customs_value": money(quoted.get("customs_value_minor", 0), currency),
    }


class _Echo:
    """What csv writes into, to get each row back as text."""

    def write(self, text: str) -> str:
        return text


def csv_of(orders: Iterable[Order]) -> Iterator[str]:
    """The orders as CSV, row by row; amounts in major units. A cell that a spreadsheet would run begins with `'`."""
    write = csv.writer(_Echo()).writerow
    yield write(COLUMNS)
    for order in orders:
        yield write([_inert(cell) for cell in _cells(order)])


def _cells(order: Order) -> Iterator[str]:
    digits = exponent(order.currency)
    yield from (order.number, order.placed_at.isoformat(), order.state, order.currency)
    yield from (f"{Decimal(minor).scaleb(-digits):f}" for minor in (order.total_minor, order.refunded_minor))
    yield from (order.contact.get("name", ""), order.contact.get("email", ""))
    yield order.shipping_address.get("country", "")
    yield " ".join(f"{shipment.carrier} {shipment.tracking_number}" for shipment in order.shipments.all())


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
