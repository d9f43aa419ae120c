"""What catalog reacts to: what becomes of orders, and people; each event calls one use case."""

from __future__ import annotations

from datetime import datetime

from auth_jwt.consumers import HANDLERS as USER_HANDLERS
from outbox.events import Event

from catalog.domain.reservations import Fact
from catalog.use_cases import reservations


def on_order_placed(event: Event, *, now: datetime) -> None:
    reservations.reserve(order=event.data, expires_at=datetime.fromisoformat(event.data["expires_at"]), now=now)


def on_order_confirmed(event: Event, *, now: datetime) -> None:
    reservations.record_fact(order_id=event.data["order_id"], fact=Fact.CONFIRMED, repeat=event.data["repeat"], now=now)


def on_order_rejected(event: Event, *, now: datetime) -> None:
    reservations.record_fact(order_id=event.data["order_id"], fact=Fact.CLOSED, reason="rejected", now=now)


def on_order_expired(event: Event, *, now: datetime) -> None:
    reservations.record_fact(order_id=event.data["order_id"], fact=Fact.CLOSED, reason="expired", now=now)


def on_order_cancelled(event: Event, *, now: datetime) -> None:
    reservations.record_fact(order_id=event.data["order_id"], fact=Fact.CLOSED, reason="cancelled", now=now)


def on_order_shipped(event: Event, *, now: datetime) -> None:
    reservations.fulfil(shipment=event.data, now=now)


def on_lines_cancelled(event: Event, *, now: datetime) -> None:
    reservations.cancel_lines(order_id=event.data["order_id"], lines=event.data["lines"], now=now)


def on_return_received(event: Event, *, now: datetime) -> None:
    reservations.restock(returned=event.data, now=now)


HANDLERS = {
    "crossborder.order.placed.v1": on_order_placed,
    "crossborder.order.confirmed.v1": on_order_confirmed,
    "crossborder.order.rejected.v1": on_order_rejected,
    "crossborder.order.expired.v1": on_order_expired,
    "crossborder.order.cancelled.v1": on_order_cancelled,
    "crossborder.order.shipped.v1": on_order_shipped,
    "crossborder.order.lines_cancelled.v1": on_lines_cancelled,
    "crossborder.order.return_received.v1": on_return_received,
    **USER_HANDLERS,
}
