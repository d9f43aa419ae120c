"""Goods that are gone although they were promised: who loses them, and the books (case 13)."""

from __future__ import annotations

import logging
from datetime import datetime

from chassis.problems import Conflict, NotFound
from django.db import transaction
from outbox.publishing import publish

from catalog.domain import reservations
from catalog.domain.reservations import Move
from catalog.models import Reservation, Stock
from catalog.use_cases import stock

logger = logging.getLogger(__name__)
MOST_AT_ONCE = 500  # reservations locked together; more are broken in the next round
TRIES = 20


def write_off(*, sku: str, warehouse: str, units: int, reason: str, comment: str, by: str, now: datetime) -> Stock:
    """Take so many units off the books, whoever they were promised to: unpaid orders lose theirs before paid ones, of
    each the newest first, and no more of them than must. Orders is told, and cancels or refunds.

    Raises NotFound for a SKU that this warehouse does not keep, Conflict `stock_missing` for more than is on hand, and
    `stock_moving` when others take and give back so fast that it never comes to an end.
    """
    with transaction.atomic(savepoint=False):
        gone = Move(sku, warehouse, on_hand=-units)
        for _ in range(TRIES):
            missing = units - stock.available(sku, warehouse)
            if missing > 0:
                if not _free(sku, warehouse, missing, now):
                    _refuse_if_not_on_hand(sku, warehouse, units)  # else somebody has just given it back
            elif not stock.move([gone], reason=reason, reference=f"by {by}", comment=comment, now=now):
                return Stock.objects.get(variant_id=sku, warehouse_id=warehouse)
        raise Conflict("stock_moving", "This stock is being sold and given back too fast. Try again.")


def _free(sku: str, warehouse: str, units: int, now: datetime) -> bool:
    """Break promises until so many units are free, or none are left to break; False when none was."""
    missing = units
    for reservation in _to_break(sku, warehouse, units):
        if missing <= 0:
            break
        step = reservations.write_off(reservation.facts(), sku=sku, warehouse=warehouse, units=missing)
        if step is not None:
            stock.move(step.moves, reason="written off", reference=str(reservation.pk), now=now)
            reservation.take(step)
            publish(*step.events)
            missing += sum(each.takes for each in step.moves if (each.sku, each.warehouse) == (sku, warehouse))
            logger.warning("promised goods are written off", extra={"order_id": str(reservation.pk), "sku": sku})
    return missing < units


def _to_break(sku: str, warehouse: str, units: int) -> list[Reservation]:
    """The reservations that may have to give, in the order in which they do; locked together, before any stock is."""
    chosen, found = [], 0
    for reservation in Reservation.objects.promising(sku, warehouse).prefetch_related("lines")[:MOST_AT_ONCE]:
        if found >= units:
            break
        chosen.append(reservation.pk)
        lines = [line.facts() for line in reservation.lines.all()]
        found += sum(line.open for line in lines if (line.sku, line.warehouse) == (sku, warehouse))
    locked = Reservation.objects.select_for_update().filter(pk__in=chosen).order_by("pk").in_bulk()
    return [locked[order_id] for order_id in chosen]


def _refuse_if_not_on_hand(sku: str, warehouse: str, units: int) -> None:
    row = Stock.objects.filter(variant_id=sku, warehouse_id=warehouse).first()
    if row is None:
        raise NotFound("This warehouse does not keep this SKU.", code="unknown_stock")
    if row.on_hand < units:
        raise Conflict("stock_missing", f"There are only {row.on_hand} units on hand.", on_hand=row.on_hand)
