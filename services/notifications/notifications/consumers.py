"""What notifications reacts to: the life of an order, its money, and people; it answers with mails, not events."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from auth_jwt import consumers as tokens
from outbox.events import Event
from outbox.inbox import Handler

from notifications.domain.webhooks import event_name
from notifications.use_cases import contacts, webhooks
from notifications.use_cases.deliveries import Notice, notify, tell_what_waited

logger = logging.getLogger(__name__)


def on_order_placed(event: Event, *, now: datetime) -> None:
    if event.data["repeat"]:  # the same question again, to catalog
        return
    contacts.learn_order(data=event.data, now=now)
    notify(_notice(event, "order_received"), now=now)
    tell_what_waited(order_id=event.data["order_id"], now=now)


def on_order_rejected(event: Event, *, now: datetime) -> None:
    notify(_notice(event, "order_rejected", lines=event.data["lines"]), progress="closed", now=now)


def on_order_paid(event: Event, *, now: datetime) -> None:
    notify(_notice(event, "order_confirmed"), progress="paid", now=now)


def on_order_expired(event: Event, *, now: datetime) -> None:
    notify(_notice(event, "order_expired"), progress="closed", now=now)


def on_order_cancelled(event: Event, *, now: datetime) -> None:
    notify(_notice(event, "order_cancelled", reason=event.data["reason"]), progress="closed", now=now)


def on_lines_cancelled(event: Event, *, now: datetime) -> None:
    notify(_notice(event, "lines_cancelled", key=event.id, lines=event.data["lines"]), now=now)


def on_order_shipped(event: Event, *, now: datetime) -> None:
    parcel = {name: event.data[name] for name in ("lines", "carrier", "tracking_number")}
    notify(_notice(event, "order_shipped", key=event.data["shipment_id"], **parcel), now=now)


def on_order_delivered(event: Event, *, now: datetime) -> None:
    notify(_notice(event, "order_delivered", key=event.data["shipment_id"]), now=now)


def on_return_requested(event: Event, *, now: datetime) -> None:
    notify(_return(event, "return_requested"), now=now)


def on_return_approved(event: Event, *, now: datetime) -> None:
    notify(_return(event, "return_approved"), now=now)


def on_return_rejected(event: Event, *, now: datetime) -> None:
    notify(_return(event, "return_rejected"), now=now)


def on_return_received(event: Event, *, now: datetime) -> None:
    notify(_return(event, "return_received"), now=now)


def on_payment_failed(event: Event, *, now: datetime) -> None:
    """One mail per payment: who tries again and again sits before the shop's page, which says the same."""
    template = "payment_failed" if event.data["retryable"] else "payment_refused"
    notify(_notice(event, template, key=event.data["payment_id"]), now=now)


def on_payment_refunded(event: Event, *, now: datetime) -> None:
    key = event.data["refund_id"] or event.id  # payments' own refunds have no id
    notify(_notice(event, "refunded", key=key, amount=event.data["amount"]), now=now)


def on_refund_failed(event: Event, *, now: datetime) -> None:
    _alert_staff("a refund failed", event, refund_id=event.data["refund_id"])


def on_disputed(event: Event, *, now: datetime) -> None:
    _alert_staff("a payment is disputed", event, reason=event.data["reason"], due_by=event.data["due_by"])


def on_dispute_closed(event: Event, *, now: datetime) -> None:
    _alert_staff("a dispute is closed", event, outcome=event.data["outcome"])


def on_stock_lost(event: Event, *, now: datetime) -> None:
    _alert_staff("stock of a paid order is gone", event, reason=event.data["reason"])


def on_user_changed(event: Event, *, now: datetime) -> None:
    tokens.on_user_changed(event, now=now)
    contacts.keep_user(snapshot=event.data)


def on_user_erased(event: Event, *, now: datetime) -> None:
    tokens.on_user_erased(event, now=now)
    contacts.forget_user(user_id=event.data["id"], now=now)


def _notice(event: Event, template: str, key: str = "", **context: Any) -> Notice:
    order = {name: event.data[name] for name in ("order_id", "order_number", "user_id")}
    return Notice(template=template, business_key=key or event.data["order_id"], context=context, **order)


def _return(event: Event, template: str) -> Notice:
    return _notice(event, template, key=event.data["return_id"], lines=event.data["lines"])


def _alert_staff(what: str, event: Event, **facts: Any) -> None:
    logger.warning("staff alert: %s", what, extra={"order_number": event.data["order_number"], **facts})


def telling_merchants(handler: Handler | None = None) -> Handler:
    """The handler, and merchants' systems are told as well; a question that is asked again tells nothing."""

    def handle(event: Event, *, now: datetime) -> None:
        if handler is not None:
            handler(event, now=now)
        if not event.data.get("repeat"):
            webhooks.owe(event_id=event.id, name=event_name(event.type), at=event.time, data=event.data, now=now)

    return handle


HANDLERS: dict[str, Handler] = {
    "crossborder.order.placed.v1": telling_merchants(on_order_placed),
    "crossborder.order.confirmed.v1": telling_merchants(),
    "crossborder.order.rejected.v1": telling_merchants(on_order_rejected),
    "crossborder.order.paid.v1": telling_merchants(on_order_paid),
    "crossborder.order.expired.v1": telling_merchants(on_order_expired),
    "crossborder.order.cancelled.v1": telling_merchants(on_order_cancelled),
    "crossborder.order.lines_cancelled.v1": telling_merchants(on_lines_cancelled),
    "crossborder.order.refund_requested.v1": telling_merchants(),
    "crossborder.order.shipped.v1": telling_merchants(on_order_shipped),
    "crossborder.order.delivered.v1": telling_merchants(on_order_delivered),
    "crossborder.order.return_requested.v1": telling_merchants(on_return_requested),
    "crossborder.order.return_approved.v1": telling_merchants(on_return_approved),
    "crossborder.order.return_rejected.v1": telling_merchants(on_return_rejected),
    "crossborder.order.return_received.v1": telling_merchants(on_return_received),
    "crossborder.payment.authorized.v1": telling_merchants(),
    "crossborder.payment.captured.v1": telling_merchants(),
    "crossborder.payment.failed.v1": telling_merchants(on_payment_failed),
    "crossborder.payment.capture_failed.v1": telling_merchants(),
    "crossborder.payment.voided.v1": telling_merchants(),
    "crossborder.payment.refunded.v1": telling_merchants(on_payment_refunded),
    "crossborder.payment.refund_failed.v1": telling_merchants(on_refund_failed),
    "crossborder.payment.disputed.v1": telling_merchants(on_disputed),
    "crossborder.payment.dispute_closed.v1": telling_merchants(on_dispute_closed),
    "crossborder.stock.commit_failed.v1": telling_merchants(on_stock_lost),
    "crossborder.user.registered.v1": on_user_changed,
    "crossborder.user.changed.v1": on_user_changed,
    "crossborder.user.erased.v1": on_user_erased,
}
