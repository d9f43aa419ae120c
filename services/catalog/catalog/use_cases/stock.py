"""Moving stock: the only place that changes a stock row, each change with its line in the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from chassis.problems import Conflict, NotFound
from django.db import transaction
from django.db.models import F

from catalog.domain.reservations import Move
from catalog.models import Stock, StockMovement, Variant, Warehouse


def move(moves: Iterable[Move], *, reason: str, reference: str, now: datetime, comment: str = "") -> dict[Move, int]:
    """Change rows of stock, all or none; what fell short, with what is available there (empty: all was done).

    `moves` come in key order, one for each row, so that two orders cannot wait for each other. A row that must give
    units gives them only if it has them: one conditional UPDATE decides, whoever else is buying. In a transaction.
    """
    done, short = [], {}
    for each in moves:
        if _change(each):
            done.append(each)
        else:
            short[each] = _available(each)
    if short:
        for each in done:
            _change(Move(each.sku, each.warehouse, -each.on_hand, -each.held, -each.committed))
        return short
    StockMovement.objects.bulk_create(
        StockMovement(
            sku=each.sku,
            warehouse=each.warehouse,
            on_hand=each.on_hand,
            held=each.held,
            committed=each.committed,
            reason=reason,
            reference=reference,
            comment=comment,
            at=now,
        )
        for each in done
    )
    return {}


def adjust_stock(*, sku: str, warehouse: str, delta: int, reason: str, comment: str, by: str, now: datetime) -> Stock:
    """Units came (positive) or are gone (negative), for a reason such as `received`, `counted`, `damaged`.

    Raises NotFound for a SKU that this warehouse does not keep, Conflict `stock_promised` when what is left would be
    less than what is held for and committed to orders.
    """
    with transaction.atomic(savepoint=False):
        moved = Move(sku, warehouse, on_hand=delta)
        short = move([moved], reason=reason, reference=f"by {by}", now=now, comment=comment)
        stock = Stock.objects.filter(variant_id=sku, warehouse_id=warehouse).first()
        if stock is None:
            raise NotFound("This warehouse does not keep this SKU.", code="unknown_stock")
        if short:
            promised = stock.held + stock.committed
            raise Conflict(
                "stock_promised",
                f"{promised} of {stock.on_hand} units are promised to orders; at most {short[moved]} can go.",
                available=short[moved],
            )
    return stock


def count_stock(*, sku: str, warehouse: str, on_hand: int, by: str, now: datetime) -> Stock:
    """So many units were counted: the books follow. A SKU that the warehouse does not keep yet is kept from now on.

    Raises NotFound for an unknown SKU or warehouse, Conflict `stock_promised` as adjust_stock does.
    """
    with transaction.atomic(savepoint=False):
        if not (Variant.objects.filter(pk=sku).exists() and Warehouse.objects.filter(pk=warehouse).exists()):
            raise NotFound("There is no such SKU or warehouse.", code="unknown_stock")
        Stock.objects.bulk_create([Stock(variant_id=sku, warehouse_id=warehouse)], ignore_conflicts=True)
        row = Stock.objects.select_for_update().get(variant_id=sku, warehouse_id=warehouse)
        if row.on_hand != on_hand:
            delta = on_hand - row.on_hand
            adjust_stock(sku=sku, warehouse=warehouse, delta=delta, reason="counted", comment="", by=by, now=now)
            row.refresh_from_db()
    return row


def _change(each: Move) -> bool:
    row = Stock.objects.filter(variant_id=each.sku, warehouse_id=each.warehouse)
    if each.takes > 0:
        row = row.filter(on_hand__gte=F("held") + F("committed") + each.takes)
    return bool(
        row.update(
            on_hand=F("on_hand") + each.on_hand,
            held=F("held") + each.held,
            committed=F("committed") + each.committed,
            level_changed=True,
        )
    )


def available(sku: str, warehouse: str) -> int:
    """Now; 0 where the SKU is not kept."""
    row = Stock.objects.filter(variant_id=sku, warehouse_id=warehouse).first()
    return row.available if row else 0


def _available(each: Move) -> int:
    """Now, and until this transaction ends; 0 where the SKU is not kept."""
    row = Stock.objects.select_for_update().filter(variant_id=each.sku, warehouse_id=each.warehouse).first()
    return row.available if row else 0
