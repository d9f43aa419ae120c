"""Asking again for answers that do not come (case 22)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from functools import reduce
from operator import or_
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce

from orders.domain import asking, lifecycle
from orders.domain.asking import ALARM
from orders.domain.lifecycle import State
from orders.domain.refunds import RefundState
from orders.models import Order, Refund
from orders.use_cases.checkout import placed
from orders.use_cases.orders import Said, write
from orders.use_cases.refunds import request_of

logger = logging.getLogger(__name__)
OWED = {State.PENDING_STOCK: "stock.reserved", State.CONFIRMED: "stock.committed or payment.captured"}


def unanswered_orders(*, now: datetime, limit: int = 500) -> list[UUID]:
    """Orders that wait for another service and are due for the next question, the oldest first."""
    waiting = Order.objects.filter(state__in=[state.value for state in OWED])
    due = waiting.annotate(since=Coalesce("state_since", "placed_at")).filter(_due("since", now))
    return list(due.order_by("since").values_list("pk", flat=True)[:limit])


def unanswered_refunds(*, now: datetime, limit: int = 500) -> Iterator[tuple[UUID, int]]:
    """Refunds that payments has not answered and that are due for the next question, by their order and row."""
    due = Refund.objects.filter(_due("requested_at", now), state=RefundState.REQUESTED).order_by("requested_at")
    yield from due.values_list("order_id", "pk")[:limit]


def _due(since: str, now: datetime) -> Q:
    """What has waited long enough for its next question, so that those who wait in vain do not crowd out others."""
    steps = (Q(asked_again=asked, **{f"{since}__lte": now - wait}) for asked, wait in enumerate(asking.WAITS))
    return reduce(or_, steps)


def ask_for_order(*, order_id: UUID, now: datetime) -> bool:
    """Publish the request that is due once more, or raise the alarm; False when it is too early, or was answered."""
    with transaction.atomic(savepoint=False):
        order = Order.objects.locked(pk=order_id)
        if order is None or order.state not in OWED:
            return False
        question = asking.next_question(order.asked_again, since=order.waiting_since, now=now)
        if question is None:
            return False
        order.asked_again = question
        said = Said.at(now)
        owed = OWED[State(order.state)]
        if question == ALARM:
            _alarm(order, owed, said)
        else:
            said.note(order, "asked again", {"for": owed, "repeat": question})
            if order.state == State.PENDING_STOCK:
                said.events.append(placed(order, order.quote, repeat=question))
            else:
                said.events.append(lifecycle.confirmed_again(order.facts(), repeat=question))
        write(order, said)
    return True


def ask_for_refund(*, order_id: UUID, row: int, now: datetime) -> bool:
    """The same for a refund that was not answered."""
    with transaction.atomic(savepoint=False):
        order = Order.objects.select_for_update().get(pk=order_id)
        refund = order.refunds.filter(pk=row, state=RefundState.REQUESTED).first()
        if refund is None or refund.requested_at is None:
            return False
        question = asking.next_question(refund.asked_again, since=refund.requested_at, now=now)
        if question is None:
            return False
        refund.asked_again = question
        refund.save(update_fields=["asked_again"])
        said = Said.at(now)
        if question == ALARM:
            _alarm(order, f"payment.refunded of {refund.refund_id}", said)
        else:
            said.note(order, "asked again", {"for": f"refund {refund.refund_id}", "repeat": question})
            asked = request_of(order, refund, repeat=question)
            said.events.append(lifecycle.event(order.facts(), "refund_requested", asked))
        write(order, said)
    return True


def _alarm(order: Order, owed: str, said: Said) -> None:
    logger.error("ALARM: nobody answers", extra={"order_number": order.number, "owed": owed})
    said.note(order, "alarm: nobody answers", {"owed": owed})
