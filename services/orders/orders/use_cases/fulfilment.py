"""Goods leave and arrive; what holds an order back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.problems import Conflict, NotFound, Problem
from chassis.views import require_match
from django.db import transaction
from rest_framework.request import Request
from uuid_utils.compat import uuid7

from orders.domain import lifecycle
from orders.domain.lifecycle import Fact
from orders.models import Order, OrderLine, Shipment
from orders.use_cases.orders import apply, note


def ship_lines(
    *, order_id: UUID, quantities: dict[int, int], carrier: str, tracking_number: str, now: datetime, request: Request
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
        said = {
            "shipment_id": str(shipment.id),
            "lines": shipped,
            "carrier": carrier,
            "tracking_number": tracking_number,
        }
        try:
            step = lifecycle.ship(
                order.facts(), nothing_left=all(line.shipped == line.quantity for line in lines), **said
            )
        except lifecycle.IllegalTransition as error:
            raise Conflict("not_shippable", str(error), state=order.state) from error
        OrderLine.objects.bulk_update(lines, ["shipped"])
        shipment.save(force_insert=True)
        apply(order, step, now=now, detail=said)
    return order


def _take(line: OrderLine, quantity: int) -> dict[str, Any]:
    left = line.quantity - line.shipped
    if quantity > left:
        raise Problem("too_many", f"Line {line.line_id} has {left} left to ship, not {quantity}.")
    line.shipped += quantity
    return {"line_id": line.line_id, "sku": line.sku, "quantity": quantity, "warehouse": line.warehouse}


def deliver_shipment(*, shipment_id: UUID, now: datetime) -> Order:
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
                apply(order, step, now=now, detail={"shipment_id": str(shipment_id)})
    return order


def set_hold(*, order_id: UUID, reason: str, on: bool, now: datetime, request: Request) -> Order:
    """Put a reason on the order that blocks shipping, or lift it; repeating changes nothing."""
    with transaction.atomic(savepoint=False):
        order = _locked(order_id, request)
        reasons = {*order.hold_reasons, reason} if on else {*order.hold_reasons} - {reason}
        if reasons != set(order.hold_reasons):
            order.hold_reasons = sorted(reasons)
            order.version += 1
            order.save(update_fields=["hold_reasons", "version"])
            note(order, "held" if on else "hold lifted", now=now, detail={"reason": reason})
    return order


def _locked(order_id: UUID, request: Request) -> Order:
    order = Order.objects.locked(pk=order_id)
    if order is None:
        raise NotFound("There is no such order.")
    require_match(request, f'"{order.version}"')
    return order
