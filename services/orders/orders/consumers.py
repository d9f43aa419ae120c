"""What orders reacts to: stock, money, items and people, each event calling one use case."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from auth_jwt.consumers import HANDLERS as USER_HANDLERS
from auth_jwt.consumers import on_user_erased as forget_user
from outbox.events import Event

from orders.domain.lifecycle import Fact
from orders.use_cases import carts, disputes, fulfilment, items, orders, refunds


def on_stock_reserved(event: Event, *, now: datetime) -> None:
    orders.record_fact(order_id=event.data["order_id"], fact=Fact.STOCK_RESERVED, now=now)


def on_stock_rejected(event: Event, *, now: datetime) -> None:
    lines = [{name: line[name] for name in ("sku", "requested", "available")} for line in event.data["lines"]]
    orders.record_fact(order_id=event.data["order_id"], fact=Fact.STOCK_REJECTED, now=now, lines=lines)


def on_stock_committed(event: Event, *, now: datetime) -> None:
    orders.record_fact(order_id=event.data["order_id"], fact=Fact.STOCK_COMMITTED, now=now)


def on_stock_commit_failed(event: Event, *, now: datetime) -> None:
    lost = {line["line_id"]: line["quantity"] for line in event.data["lines"]}
    fulfilment.lose_stock(order_id=event.data["order_id"], lost=lost, now=now)


def on_payment_authorized(event: Event, *, now: datetime) -> None:
    orders.record_fact(**_payment(event), fact=Fact.PAYMENT_AUTHORIZED, now=now)


def on_payment_captured(event: Event, *, now: datetime) -> None:
    orders.record_fact(**_payment(event), fact=Fact.PAYMENT_CAPTURED, now=now)


def on_capture_failed(event: Event, *, now: datetime) -> None:
    orders.record_fact(**_payment(event), fact=Fact.CAPTURE_FAILED, now=now, reason="capture_failed")


def on_payment_failed(event: Event, *, now: datetime) -> None:
    orders.note_payment(
        order_id=event.data["order_id"], kind="payment failed", now=now, detail={"code": event.data["code"]}
    )


def on_payment_voided(event: Event, *, now: datetime) -> None:
    orders.note_payment(
        order_id=event.data["order_id"], kind="payment voided", now=now, detail={"amount": event.data["amount"]}
    )


def on_payment_refunded(event: Event, *, now: datetime) -> None:
    refunds.record_answer(
        order_id=event.data["order_id"], event_id=str(event.id), succeeded=True, data=event.data, now=now
    )


def on_refund_failed(event: Event, *, now: datetime) -> None:
    refunds.record_answer(
        order_id=event.data["order_id"], event_id=str(event.id), succeeded=False, data=event.data, now=now
    )


def on_payment_disputed(event: Event, *, now: datetime) -> None:
    disputes.record_dispute(order_id=event.data["order_id"], data=event.data, now=now)


def on_dispute_closed(event: Event, *, now: datetime) -> None:
    disputes.record_dispute(order_id=event.data["order_id"], data=event.data, now=now)


def on_item_changed(event: Event, *, now: datetime) -> None:
    items.keep_item(snapshot=event.data)


def on_level_changed(event: Event, *, now: datetime) -> None:
    items.keep_level(snapshot=event.data)


def _payment(event: Event) -> dict[str, Any]:
    return {"order_id": event.data["order_id"], "payment_id": event.data["payment_id"]}


def on_user_erased(event: Event, *, now: datetime) -> None:
    forget_user(event, now=now)
    carts.forget_carts(user_id=event.data["id"])


HANDLERS = {
    "crossborder.stock.reserved.v1": on_stock_reserved,
    "crossborder.stock.rejected.v1": on_stock_rejected,
    "crossborder.stock.committed.v1": on_stock_committed,
    "crossborder.stock.commit_failed.v1": on_stock_commit_failed,
    "crossborder.payment.authorized.v1": on_payment_authorized,
    "crossborder.payment.captured.v1": on_payment_captured,
    "crossborder.payment.capture_failed.v1": on_capture_failed,
    "crossborder.payment.failed.v1": on_payment_failed,
    "crossborder.payment.voided.v1": on_payment_voided,
    "crossborder.payment.refunded.v1": on_payment_refunded,
    "crossborder.payment.refund_failed.v1": on_refund_failed,
    "crossborder.payment.disputed.v1": on_payment_disputed,
    "crossborder.payment.dispute_closed.v1": on_dispute_closed,
    "crossborder.item.changed.v1": on_item_changed,
    "crossborder.stock.level_changed.v1": on_level_changed,
    **USER_HANDLERS,
    "crossborder.user.erased.v1": on_user_erased,
}
