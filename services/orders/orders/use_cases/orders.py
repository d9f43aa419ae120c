"""What becomes of an order: facts from the other services, the clock, and people who cancel."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.problems import Conflict, NotFound
from chassis.views import require_match
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from outbox.context import current
from outbox.models import ParkedEvent
from outbox.progress import caught_up_since
from outbox.publishing import publish
from rest_framework.request import Request

from orders.domain import lifecycle
from orders.domain.lifecycle import DomainEvent, Fact, Step
from orders.models import Cart, Order, TimelineEntry
from orders.use_cases import coupons

logger = logging.getLogger(__name__)
EXPIRY_GRACE = timedelta(seconds=10)


@dataclass
class Said:
    """What a change puts on the timeline and publishes; `write` does both at its end, in one statement each."""

    now: datetime
    cause: str
    entries: list[TimelineEntry] = field(default_factory=list)
    events: list[DomainEvent] = field(default_factory=list)

    @classmethod
    def at(cls, now: datetime, *, cause: str | None = None) -> Said:
        """`cause` is a person; without one it is the event that is being handled, else the clock."""
        event = current().causation_id
        return cls(now, cause or (f"event:{event}" if event else "clock"))

    def note(self, order: Order, kind: str, detail: dict[str, Any] | None = None) -> None:
        """Something for the timeline, with the order's state of this moment."""
        entry = TimelineEntry(order=order, at=self.now, kind=kind, state=order.state, detail=detail or {})
        entry.cause = self.cause
        self.entries.append(entry)

    def tell(self, order: Order, name: str, data: dict[str, Any]) -> None:
        """An event beside those of the state machine; it is a version of the order too."""
        order.version += 1
        self.events.append(lifecycle.event(order.facts(), name, data))


def record_fact(*, order_id: UUID, fact: Fact, now: datetime, payment_id: str | None = None, **detail: Any) -> None:
    """Apply what another service said; what the state machine does not expect changes nothing."""
    with transaction.atomic(savepoint=False):
        order = Order.objects.locked(pk=order_id)
        if order is None or (payment_id is not None and str(order.payment_id) != payment_id):
            logger.warning("%s for an order or payment that is not ours", fact, extra={"order_id": str(order_id)})
            return
        if (step := lifecycle.decide(order.facts(), fact, **detail)) is not None:
            apply(order, step, said=Said.at(now), detail=detail)


def apply(order: Order, *steps: Step, said: Said, detail: dict[str, Any] | None = None) -> None:
    """Write steps down: the row, its timeline, its events. Under the row's lock, in the caller's transaction."""
    become(order, *steps, said=said, detail=detail)
    write(order, said)


def become(order: Order, *steps: Step, said: Said, detail: dict[str, Any] | None = None) -> None:
    """Take the steps in memory, and note what they say; what hangs on a state (cart, coupon) follows."""
    for step in steps:
        if changes := step.order.state != order.state:
            order.state_since, order.asked_again = said.now, 0
        order.take(step)
        if order.state == lifecycle.State.PAID and order.paid_at is None:
            order.paid_at = said.now
        if changes and order.state in lifecycle.CLOSED:
            order.closed_at = said.now
            coupons.give_back(order, now=said.now)
        if step.fact is Fact.STOCK_REJECTED:
            order.rejected_lines = (detail or {}).get("lines", [])
            _reopen_cart(order)
        said.note(order, step.fact.value, detail)
        said.events += step.events


def write(order: Order, said: Said) -> None:
    """Save the order, its timeline and its events."""
    order.save()
    TimelineEntry.objects.bulk_create(said.entries)
    publish(*said.events)


def note_payment(*, order_id: UUID, kind: str, now: datetime, detail: dict[str, Any]) -> None:
    """Something happened at payments that changes no state here: it is shown to the shopper and to support."""
    order = Order.objects.filter(pk=order_id).first()
    if order is not None:
        said = Said.at(now)
        said.note(order, kind, detail)
        TimelineEntry.objects.bulk_create(said.entries)


def cancel_order(
    *, order: Order, by: str, comment: str, now: datetime, cause: str, request: Request | None = None
) -> Order:
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
        apply(locked, step, said=Said.at(now, cause=cause), detail={"by": by, "comment": comment})
    return locked


def orders_to_expire(*, now: datetime, limit: int = 500) -> list[UUID]:
    """Unpaid orders whose time is up, oldest first."""
    unpaid = [state.value for state in lifecycle.UNPAID]
    late = Order.objects.filter(state__in=unpaid, expires_at__lt=now - EXPIRY_GRACE)
    return list(late.order_by("expires_at").values_list("pk", flat=True)[:limit])


def expire_order(*, order_id: UUID, now: datetime, at_once: bool = False, cause: str | None = None) -> bool:
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
        apply(order, step, said=Said.at(now, cause=cause))
    return True


def _is_late(order: Order, now: datetime) -> bool:
    moment = order.expires_at + EXPIRY_GRACE
    if now <= moment or not caught_up_since(moment, settings.EXPIRY_WAITS_FOR):
        return False
    return not ParkedEvent.objects.filter(key=str(order.pk)).exists()


REOPEN = """
    UPDATE IGNORE orders_cart SET updated_at = %s, open_owner = IF(user_id IS NULL, CONCAT('token:', token_sha256), %s)
    WHERE id = %s AND open_owner IS NULL"""


def _reopen_cart(order: Order) -> None:
    """The shopper gets the cart back, unless they have opened another one since: the unique `open_owner` decides."""
    if order.cart_id is not None:
        cart_id = Cart._meta.pk.get_db_prep_value(order.cart_id, connection)
        with connection.cursor() as cursor:
            cursor.execute(REOPEN, [timezone.now(), f"user:{order.user_id}", cart_id])
