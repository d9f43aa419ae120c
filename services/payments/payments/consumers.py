"""What payments reacts to: the orders' life, each event calling one use case."""

from __future__ import annotations

from datetime import datetime

from auth_jwt.consumers import HANDLERS as USER_HANDLERS
from outbox.events import Event

from payments.use_cases import payments, refunds
from payments.use_cases.refunds import RefundRequest


def on_payment_requested(event: Event, *, now: datetime) -> None:
    expires_at = datetime.fromisoformat(event.data["expires_at"])
    payments.open_payment(data=event.data, expires_at=expires_at, now=now)


def on_order_confirmed(event: Event, *, now: datetime) -> None:
    payments.allow_capture(order_id=event.data["order_id"], repeat=event.data.get("repeat", 0), now=now)


def on_order_rejected(event: Event, *, now: datetime) -> None:
    payments.close_payment(order_id=event.data["order_id"], by="rejected", now=now)


def on_order_expired(event: Event, *, now: datetime) -> None:
    payments.close_payment(order_id=event.data["order_id"], by="expired", now=now)


def on_order_cancelled(event: Event, *, now: datetime) -> None:
    payments.close_payment(order_id=event.data["order_id"], by="cancelled", now=now)


def on_refund_requested(event: Event, *, now: datetime) -> None:
    data, amount = event.data, event.data["amount"]
    request = RefundRequest(data["refund_id"], amount["amount_minor"], amount["currency"], data["reason"])
    refunds.ask_refund(order_id=data["order_id"], request=request, repeat=data.get("repeat", 0), now=now)


HANDLERS = {
    "crossborder.order.payment_requested.v1": on_payment_requested,
    "crossborder.order.confirmed.v1": on_order_confirmed,
    "crossborder.order.rejected.v1": on_order_rejected,
    "crossborder.order.expired.v1": on_order_expired,
    "crossborder.order.cancelled.v1": on_order_cancelled,
    "crossborder.order.refund_requested.v1": on_refund_requested,
    **USER_HANDLERS,
}
