"""Promising stock to orders, keeping the promise, and taking it back: what catalog does with an order's facts."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from outbox.publishing import publish

from catalog.domain import reservations
from catalog.domain.reservations import Fact, Move, ReservationFacts, State, Step
from catalog.models import Discrepancy, HandledLine, Reservation, ReservationLine
from catalog.use_cases import stock

logger = logging.getLogger(__name__)


def reserve(*, order: dict[str, Any], expires_at: datetime, now: datetime) -> None:
    """Hold all that a placed order asks for, or nothing, and say which; asked again (`repeat`), say it again.

    `order` is the data of `order.placed`.
    """
    with transaction.atomic(savepoint=False):
        known = Reservation.objects.locked(order["order_id"])
        if known is not None:
            if order["repeat"]:
                _say_again(known)
            return
        lines = [
            ReservationLine(
                reservation_id=UUID(order["order_id"]),
                line_id=line["line_id"],
                sku=line["sku"],
                warehouse=line["warehouse"],
                quantity=line["quantity"],
            )
            for line in order["lines"]
        ]
        asked = ReservationFacts(
            order["order_id"], order["order_number"], order["user_id"], tuple(line.facts() for line in lines)
        )
        step, shortages = _decide(asked, Fact.PLACED, now=now)
        assert step is not None
        Reservation.objects.create(
            order_id=order["order_id"],
            order_number=order["order_number"],
            user_id=order["user_id"],
            state=step.reservation.state.value,
            version=step.reservation.version,
            shortages=shortages,
            expires_at=expires_at,
            created_at=now,
        )
        ReservationLine.objects.bulk_create(lines)
        publish(*step.events)


def record_fact(*, order_id: UUID | str, fact: Fact, now: datetime, repeat: int = 0, **detail: Any) -> bool:
    """Apply what became of the order; True when the reservation changed. Asked again (`repeat`), say it again."""
    with transaction.atomic(savepoint=False):
        reservation = _find(order_id, fact)
        if reservation is None:
            return False
        step, _ = _decide(reservation.facts(), fact, now=now, **detail)
        if step is None:
            if repeat:
                _say_again(reservation)
            return False
        reservation.take(step)
        publish(*step.events)
    return True


def fulfil(*, shipment: dict[str, Any], now: datetime) -> None:
    """Goods have left: book them off. `shipment` is the data of `order.shipped`; each line of it counts once.

    A shipment is a fact: what was not committed to it leaves the books if they have it, and a person is told.
    """
    with transaction.atomic(savepoint=False):
        reservation = _find(shipment["order_id"], Fact.PART_SHIPPED)
        lines = HandledLine.objects.new(shipment["shipment_id"], shipment["lines"])
        missing = {line["line_id"]: line["quantity"] for line in lines}
        if reservation is not None:
            step, missing = reservations.ship(reservation.facts(), missing)
            if step is not None:
                stock.move(step.moves, reason="shipped", reference=shipment["shipment_id"], now=now)
                reservation.take(step)
        for line in lines:
            if quantity := missing.get(line["line_id"]):
                _ship_without_hold(line, quantity, shipment, now)


def cancel_lines(*, order_id: str, lines: list[dict], now: datetime) -> None:
    """The unshipped rest of these lines will not ship: it is for sale again. Each event counts once, by the inbox."""
    with transaction.atomic(savepoint=False):
        reservation = _find(order_id, Fact.PART_CANCELLED)
        if reservation is None:
            return
        units = {line["line_id"]: line["quantity"] for line in lines}
        step = reservations.cancel_lines(reservation.facts(), units)
        if step is not None:
            stock.move(step.moves, reason="lines cancelled", reference=order_id, now=now)
            reservation.take(step)
            publish(*step.events)


def restock(*, returned: dict[str, Any], now: datetime) -> None:
    """What came back fit for sale is on hand again. `returned` is the data of `order.return_received`."""
    with transaction.atomic(savepoint=False):
        lines = HandledLine.objects.new(returned["return_id"], returned["lines"])
        moves = [Move(line["sku"], line["warehouse"], on_hand=line["restock_quantity"]) for line in lines]
        for each in reservations.summed([move for move in moves if move.on_hand]):
            if stock.move([each], reason="returned", reference=returned["return_id"], now=now):
                detail = f"Return {returned['return_id']}: {each.warehouse} does not keep this SKU; nothing was booked."
                _tell_a_person("return", each, each.on_hand, returned["order_id"], detail, now)


def overdue_holds(*, now: datetime, limit: int = 500) -> list[UUID]:
    """Orders whose stock is held long after they should have been paid or closed, oldest first."""
    before = now - timedelta(hours=settings.RESERVATION_BACKSTOP_HOURS)
    held = Reservation.objects.filter(state=State.HELD, expires_at__lt=before)
    return list(held.order_by("expires_at").values_list("pk", flat=True)[:limit])


def _find(order_id: UUID | str, fact: Fact) -> Reservation | None:
    reservation = Reservation.objects.locked(order_id)
    if reservation is None:
        logger.warning("%s, but nothing was ever reserved for it", fact, extra={"order_id": str(order_id)})
    return reservation


def _decide(
    facts: ReservationFacts, fact: Fact, *, now: datetime, **detail: Any
) -> tuple[Step | None, list[dict[str, Any]]]:
    """The step that stock allows, its moves made, and what fell short of the one that was wished for."""
    step = reservations.decide(facts, fact, **detail)
    if step is None:
        return None, []
    short = stock.move(step.moves, reason=fact.value, reference=facts.order_id, now=now)
    if not short:
        return step, []
    shortages = [{"sku": each.sku, "requested": each.takes, "available": left} for each, left in short.items()]
    return reservations.decide(facts, reservations.SHORT[fact], shortages=shortages, **detail), shortages


def _say_again(reservation: Reservation) -> None:
    if event := reservations.repeat(reservation.facts(), shortages=reservation.shortages):
        publish(event)


def _ship_without_hold(line: dict[str, Any], quantity: int, shipment: dict[str, Any], now: datetime) -> None:
    gone = Move(line["sku"], line["warehouse"], on_hand=-quantity)
    short = stock.move([gone], reason="shipped without hold", reference=shipment["shipment_id"], now=now)
    booked = "The books had too few free units: nothing was booked off." if short else "They were booked off."
    detail = f"Shipment {shipment['shipment_id']}: {quantity} units were not committed to the order. {booked}"
    _tell_a_person("shipment", gone, quantity, shipment["order_id"], detail, now)


def _tell_a_person(kind: str, place: Move, quantity: int, order_id: str, detail: str, now: datetime) -> None:
    logger.error("stock discrepancy", extra={"order_id": order_id, "sku": place.sku, "detail": detail})
    Discrepancy.objects.create(
        kind=kind,
        sku=place.sku,
        warehouse=place.warehouse,
        order_id=order_id,
        quantity=quantity,
        detail=detail,
        found_at=now,
    )
