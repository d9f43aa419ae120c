"""Say in words why an order is where it is."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from orders.domain.asking import ALARM
from orders.domain.lifecycle import CLOSED, UNPAID, State
from orders.domain.refunds import RefundState
from orders.domain.returns import ReturnState
from orders.models import Order, Refund, Return

WAITS_FOR = {
    State.PENDING_STOCK: "Catalog owes stock.reserved or stock.rejected. Is order.placed out, or parked there?",
    State.AWAITING_PAYMENT: "The shopper has not paid. Payments' admin shows their attempts under the order's number.",
    State.PAID: "Nothing is owed; a warehouse may ship it.",
    State.PARTIALLY_SHIPPED: "A warehouse owes the rest; staff may cancel it (line-cancellations).",
    State.SHIPPED: "The carrier owes the arrival of every shipment.",
    State.DELIVERED: "Nothing is owed.",
}
REFUND_WAITS_FOR = {
    RefundState.REQUESTED: "payments owes payment.refunded or payment.refund_failed",
    RefundState.FAILED: "a person owes a retry: payments' admin -> refunds",
}
RETURN_WAITS_FOR = {
    ReturnState.REQUESTED: "support owes a decision (approve or reject)",
    ReturnState.APPROVED: "the buyer owes the parcel, the warehouse its receipt",
    ReturnState.RECEIVED: "payments owes the refund",
}


class Command(BaseCommand):
    help = "Say in words why an order is where it is, and who owes the next step."

    def add_arguments(self, parser) -> None:
        parser.add_argument("number", help="CB-...")

    def handle(self, *args, number: str, **options) -> None:
        try:
            order = Order.objects.filter(number=number.upper()).first()
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"The database does not answer: {error}") from error
        if order is None:
            raise CommandError(f"There is no order {number}.")
        self.stdout.write(f"{order.number} is {order.state} (order {order.pk}, payment {order.payment_id})")
        for entry in order.timeline.all():
            said = ", ".join(f"{name}: {value}" for name, value in entry.detail.items())
            by = f"[{entry.cause}]" if entry.cause else ""
            line = f"  {entry.at:%Y-%m-%d %H:%M:%S.%f}  {entry.kind:28} {entry.state:18} {by} {said}"
            self.stdout.write(line.rstrip())
        for line in (*_state(order), *_asked(order), *_holds(order), *_refunds(order), *_returns(order)):
            self.stdout.write(line)


def _state(order: Order) -> Iterator[str]:
    state = State(order.state)
    if state in CLOSED:
        yield "It is closed. Stock and money go back by themselves: see catalog's reservation and the payment."
    elif state is State.CONFIRMED:
        yield f"  {'seen ' if order.stock_committed else 'OWED '} by catalog: stock.committed"
        yield f"  {'seen ' if order.payment_captured else 'OWED '} by payments: payment.captured"
    else:
        yield WAITS_FOR[state]
    if state in UNPAID:
        yield f"It expires at {order.expires_at:%Y-%m-%d %H:%M:%S}."
        if order.expires_at < timezone.now():
            yield "That is past: expiry waits until all partitions of stock and payment events were read past it."
    for line in order.lines.filter(cancelled__gt=0):
        yield f"Of line {line.line_id} ({line.sku}) {line.cancelled} of {line.quantity} units were cancelled."


def _asked(order: Order) -> Iterator[str]:
    if order.asked_again >= ALARM:
        yield "ALARM: it was asked for three times, for more than an hour. Look at who owes the answer."
    elif order.asked_again:
        yield f"It was asked for again {order.asked_again} times, last for {order.state}."


def _holds(order: Order) -> Iterator[str]:
    if order.hold_reasons:
        yield f"It is held from shipping: {', '.join(order.hold_reasons)}."
    if order.dispute:
        dispute, outcome = order.dispute, order.dispute["outcome"]
        until = f"evidence counts until {dispute['due_by']}" if dispute["due_by"] else "there is no term"
        yield f"Its charge was disputed ({dispute['reason']}): {'closed, ' + outcome if outcome else 'open, ' + until}."


def _refunds(order: Order) -> Iterator[str]:
    for refund in Refund.objects.filter(order=order).exclude(state=RefundState.SUCCEEDED):
        again = f"; asked again {refund.asked_again} times" if refund.asked_again else ""
        who = REFUND_WAITS_FOR[RefundState(refund.state)]
        yield f"Refund {refund.refund_id} of {refund.amount_minor} {refund.currency} is {refund.state}: {who}{again}."


def _returns(order: Order) -> Iterator[str]:
    for returned in Return.objects.filter(order=order, state__in=list(RETURN_WAITS_FOR)):
        yield f"Return {returned.pk} is {returned.state}: {RETURN_WAITS_FOR[ReturnState(returned.state)]}."
