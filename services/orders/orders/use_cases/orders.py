"""What becomes of an order: facts from the other services, the clock, and people who cancel."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.problems import Conflict, NotFound
from chassis.views import require_match
from django.conf import settings
from django.db import transaction
from outbox.models import ParkedEvent
from outbox.progress import caught_up_since
from outbox.publishing import publish
from rest_framework.request import Request

from orders.domain import lifecycle
from orders.domain.lifecycle import Fact, Step
from orders.models import Cart, Order, Refund, TimelineEntry

logger = logging.getLogger(__name__)
EXPIRY_GRACE = timedelta(seconds=10)


def record_fact(*, order_id: UUID, fact: Fact, now: datetime, payment_id: str | None = None, **detail: Any) -> None:
    """Apply what another service said; what the state machine does not expect changes nothing."""
    with transaction.atomic(savepoint=False):
        order = Order.objects.locked(pk=order_id)
        if order is None or (payment_id is not None and str(order.payment_id) != payment_id):
            logger.warning("%s for an order or payment that is not ours", fact, extra={"order_id": str(order_id)})
            return
        if (step := lifecycle.decide(order.facts(), fact, **detail)) is not None:
            apply(order, step, now=now, detail=detail)


def apply(order: Order, step: Step, *, now: datetime, detail: dict[str, Any] | None = None) -> None:
    """Write a step down: the row, its timeline, its events. Under the row's lock, in the caller's transaction."""
    order.take(step)
    if order.state == lifecycle.State.PAID and order.paid_at is None:
        order.paid_at = now
    if order.state in lifecycle.CLOSED:
        order.closed_at = now
    if step.fact is Fact.STOCK_REJECTED:
        order.rejected_lines = (detail or {}).get("lines", [])
        _reopen_cart(order)
    order.save()
    note(order, step.fact.value, now=now, detail=detail)
    publish(*step.events)


def note(order: Order, kind: str, *, now: datetime, detail: dict[str, Any] | None = None) -> None:
    """Put something on the timeline that changed no state."""
    TimelineEntry.objects.create(order=order, at=now, kind=kind, state=order.state, detail=detail or {})


def note_payment(*, order_id: UUID, kind: str, now: datetime, detail: dict[str, Any]) -> None:
    """Something happened at payments that changes no state here: it is shown to the shopper and to support."""
    order = Order.objects.filter(pk=order_id).first()
    if order is not None:
        note(order, kind, now=now, detail=detail)


def record_refund(*, order_id: UUID, event_id: str, succeeded: bool, data: dict[str, Any], now: datetime) -> None:
    """Money went back, or could not; shown with the order, whose state it never changes."""
    with transaction.atomic(savepoint=False):
        order = Order.objects.locked(pk=order_id)
        if order is None:
            return
        state, amount = "succeeded" if succeeded else "failed", data["amount"]
        Refund.objects.create(
            order=order,
            event_id=event_id,
            refund_id=data["refund_id"],
            amount_minor=amount["amount_minor"],
            currency=amount["currency"],
            state=state,
            at=now,
        )
        note(order, f"refund {state}", now=now, detail={"amount": amount})


def cancel_order(*, order: Order, by: str, comment: str, now: datetime, request: Request | None = None) -> Order:
    """Close an order that has not shipped; stock and money follow from the event. `by` is `buyer` or `staff`.

    With a request, against its If-Match under the lock (412, 428). Raises Conflict `not_cancellable`.
    """
    with transaction.atomic(savepoint=False):
        locked = Order.objects.locked(pk=order.pk)
        if locked is None:
            raise NotFound()
        if request is not None:
            require_match(request, f'"{locked.version}"')
        try:
            step = lifecycle.cancel(locked.facts(), reason=by)
        except lifecycle.IllegalTransition as error:
            raise Conflict("not_cancellable", str(error), state=locked.state) from error
        apply(locked, step, now=now, detail={"by": by, "comment": comment})
    return locked


def orders_to_expire(*, now: datetime, limit: int = 500) -> list[UUID]:
    """Unpaid orders whose time is up, oldest first."""
    unpaid = [state.value for state in lifecycle.UNPAID]
    late = Order.objects.filter(state__in=unpaid, expires_at__lt=now - EXPIRY_GRACE)
    return list(late.order_by("expires_at").values_list("pk", flat=True)[:limit])


def expire_order(*, order_id: UUID, now: datetime, at_once: bool = False) -> bool:
    """Expire an unpaid order by one compare-and-swap; True when it won.

    Not before every partition of the stock and payment topics was read to its end later than `expires_at` + 10 s, so
    that an outage never expires someone who paid in time, and not while an event of the order is parked: that may be
    the payment. `at_once` (an operator's word) skips clock and topics.
    """
    with transaction.atomic(savepoint=False):
        order = Order.objects.locked(pk=order_id)
        if order is None or not (at_once or _is_late(order, now)):
            return False
        step = lifecycle.decide(order.facts(), Fact.TIME_UP)
        if step is None:
            return False
        apply(order, step, now=now)
    return True


def _is_late(order: Order, now: datetime) -> bool:
    moment = order.expires_at + EXPIRY_GRACE
    if now <= moment or not caught_up_since(moment, settings.EXPIRY_WAITS_FOR):
        return False
    return not ParkedEvent.objects.filter(key=str(order.pk)).exists()


def _reopen_cart(order: Order) -> None:
    """The shopper gets the cart back, unless they have opened another one since."""
    if order.cart_id is None:
        return
    cart = Cart.objects.select_for_update().get(pk=order.cart_id)
    if cart.open_owner is None and not Cart.objects.filter(open_owner=cart.owner).exists():
        cart.open_owner = cart.owner
        cart.save(update_fields=["open_owner", "updated_at"])
