"""Goods leave and arrive; what holds an order back."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.problems import Conflict, NotFound, Problem
from chassis.views import require_match
from django.db import transaction
from django.db.models import Exists, OuterRef
from rest_framework.request import Request
from uuid_utils.compat import uuid7

from orders.domain import lifecycle
from orders.domain.lifecycle import Fact
from orders.models import Order, OrderLine, Shipment
from orders.use_cases.disputes import DISPUTE
from orders.use_cases.orders import Said, apply, become, write
from orders.use_cases.refunds import ask_back, save_units

logger = logging.getLogger(__name__)


def ship_lines(
    *,
    order_id: UUID,
    quantities: dict[int, int],
    carrier: str,
    tracking_number: str,
    cause: str,
    now: datetime,
    request: Request,
) -> Order:
    """Record that goods left: `quantities` by line id. Raises NotFound, Problem `too_many`, `not_shippable`."""
    with transaction.atomic(savepoint=False):
        order = _locked(order_id, request)
        lines = list(order.lines.all())
        shipped = [_take(line, quantities[line.line_id]) for line in lines if line.line_id in quantities]
        if unknown := set(quantities) - {line.line_id for line in lines}:
            raise Problem("unknown_line", f"The order has no line {min(unknown)}.")
        shipment = Shipment(id=uuid7(), order=order, carrier=carrier, tracking_number=tracking_number, shipped_at=now)
        shipment.lines = shipped
        told = {
            "shipment_id": str(shipment.id),
            "lines": shipped,
            "carrier": carrier,
            "tracking_number": tracking_number,
        }
        try:
            step = lifecycle.ship(order.facts(), nothing_left=not any(line.unshipped for line in lines), **told)
        except lifecycle.IllegalTransition as error:
            raise Conflict("not_shippable", str(error), state=order.state) from error
        OrderLine.objects.bulk_update(lines, ["shipped"])
        shipment.save(force_insert=True)
        apply(order, step, said=Said.at(now, cause=cause), detail=told)
    return order


def _take(line: OrderLine, quantity: int) -> dict[str, Any]:
    if quantity > line.unshipped:
        raise Problem("too_many", f"Line {line.line_id} has {line.unshipped} left to ship, not {quantity}.")
    line.shipped += quantity
    return line.units(quantity)


def cancel_rest(
    *, order_id: UUID, units: dict[int, int] | None, comment: str, cause: str, now: datetime, request: Request
) -> Order:
    """Staff give up what is left to ship of a partly shipped order, or `units` of it by line id; their money goes back.

    Raises NotFound, Problem `unknown_line` or `too_many`, Conflict `not_cancellable`, and what If-Match asks for.
    """
    with transaction.atomic(savepoint=False):
        order = _locked(order_id, request)
        lines = _lines_to_cancel(order)
        asked = units if units is not None else {line.line_id: line.unshipped for line in lines if line.unshipped}
        if unknown := set(asked) - {line.line_id for line in lines}:
            raise Problem("unknown_line", f"The order has no line {min(unknown)}.")
        for line in lines:
            if asked.get(line.line_id, 0) > line.unshipped:
                raise Problem("too_many", f"Line {line.line_id} has {line.unshipped} left to cancel.")
        try:
            _cancel(order, lines, asked, said=Said.at(now, cause=cause), detail={"by": "staff", "comment": comment})
        except lifecycle.IllegalTransition as error:
            raise Conflict("not_cancellable", str(error), state=order.state) from error
    return order


def lose_stock(*, order_id: UUID, lost: dict[int, int], now: datetime) -> None:
    """Catalog has lost goods (units by line id): the order is cancelled, or what of it has not shipped (case 13)."""
    with transaction.atomic(savepoint=False):
        order = Order.objects.locked(pk=order_id)
        if order is None:
            logger.warning("stock lost of an order that is not ours", extra={"order_id": str(order_id)})
            return
        said, detail = Said.at(now), {"reason": "stock_lost"}
        if (step := lifecycle.decide(order.facts(), Fact.STOCK_COMMIT_FAILED, **detail)) is not None:
            apply(order, step, said=said, detail=detail)
        elif order.state == lifecycle.State.PARTIALLY_SHIPPED:
            lines = _lines_to_cancel(order)
            units = {line.line_id: min(line.unshipped, lost.get(line.line_id, 0)) for line in lines}
            if any(units.values()):
                _cancel(order, lines, units, said=said, detail=detail)


def _lines_to_cancel(order: Order) -> list[Any]:
    """The lines, each with `underway`: whether a shipment of the order has not arrived; read under the order's lock."""
    shipments = Shipment.objects.filter(order=OuterRef("order_id"), delivered_at=None)
    return list(order.lines.annotate(underway=Exists(shipments)))


def _cancel(order: Order, lines: list[Any], units: dict[int, int], *, said: Said, detail: dict[str, Any]) -> None:
    """Cancel units and ask their money back, in one write. Raises IllegalTransition."""
    cancelled = [line.units(units[line.line_id]) for line in lines if units.get(line.line_id)]
    left = sum(line.unshipped for line in lines) - sum(line["quantity"] for line in cancelled)
    steps = lifecycle.cancel_lines(order.facts(), nothing_left=not left, underway=lines[0].underway, lines=cancelled)
    for line in lines:
        line.cancelled += units.get(line.line_id, 0)
    become(order, *steps, said=said, detail={**detail, "lines": cancelled})
    ask_back(order, lines, units, reason="lines_cancelled", said=said)
    save_units(lines)
    write(order, said)


def deliver_shipment(*, shipment_id: UUID, cause: str, now: datetime) -> Order:
    """Record an arrival, once; the order is delivered when all of it left and every shipment has arrived."""
    with transaction.atomic(savepoint=False):
        shipment = Shipment.objects.filter(pk=shipment_id).only("order_id").first()
        if shipment is None:
            raise NotFound("There is no such shipment.")
        order = Order.objects.select_for_update().get(pk=shipment.order_id)
        shipments = list(Shipment.objects.filter(order=order))
        arrived = next(each for each in shipments if each.pk == shipment_id)
        if arrived.delivered_at is None:
            arrived.delivered_at = now
            arrived.save(update_fields=["delivered_at"])
            everything = order.state == lifecycle.State.SHIPPED and all(each.delivered_at for each in shipments)
            fact = Fact.ALL_DELIVERED if everything else Fact.SHIPMENT_DELIVERED
            step = lifecycle.decide(order.facts(), fact, shipment_id=str(shipment_id))
            if step is not None:
                apply(order, step, said=Said.at(now, cause=cause), detail={"shipment_id": str(shipment_id)})
    return order


def set_hold(*, order_id: UUID, reason: str, on: bool, cause: str, now: datetime, request: Request) -> Order:
    """Put a reason on the order that blocks shipping, or lift it; repeating changes nothing.

    Raises Conflict `held_by_dispute`: that reason comes and goes with the dispute.
    """
    if reason == DISPUTE:
        raise Conflict("held_by_dispute", "This hold comes and goes with the dispute at the buyer's bank.")
    with transaction.atomic(savepoint=False):
        order = _locked(order_id, request)
        reasons = {*order.hold_reasons, reason} if on else {*order.hold_reasons} - {reason}
        if reasons != set(order.hold_reasons):
            order.hold_reasons = sorted(reasons)
            order.version += 1
            said = Said.at(now, cause=cause)
            said.note(order, "held" if on else "hold lifted", {"reason": reason})
            write(order, said)
    return order


def _locked(order_id: UUID, request: Request) -> Order:
    order = Order.objects.locked(pk=order_id)
    if order is None:
        raise NotFound("There is no such order.")
    require_match(request, f'"{order.version}"')
    return order
