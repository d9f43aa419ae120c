"""Say in words why an order is where it is."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from orders.domain.lifecycle import CLOSED, State
from orders.models import Order

WAITS_FOR = {
    State.PENDING_STOCK: "Catalog owes stock.reserved or stock.rejected. Is order.placed out, or parked there?",
    State.AWAITING_PAYMENT: "The shopper has not paid. Payments' admin shows their attempts under the order's number.",
    State.PAID: "Nothing is owed; a warehouse may ship it.",
    State.PARTIALLY_SHIPPED: "A warehouse owes the rest.",
    State.SHIPPED: "The carrier owes the arrival of every shipment.",
    State.DELIVERED: "Nothing is owed.",
}


class Command(BaseCommand):
    help = "Say in words why an order is where it is, and who owes the next step."

    def add_arguments(self, parser) -> None:
        parser.add_argument("number", help="CB-...")

    def handle(self, *args, number: str, **options) -> None:
        order = Order.objects.filter(number=number.upper()).first()
        if order is None:
            raise CommandError(f"There is no order {number}.")
        self.stdout.write(f"{order.number} is {order.state} (order {order.pk}, payment {order.payment_id})")
        for entry in order.timeline.all():
            said = ", ".join(f"{name}: {value}" for name, value in entry.detail.items())
            self.stdout.write(f"  {entry.at:%Y-%m-%d %H:%M:%S.%f}  {entry.kind:28} {entry.state:18} {said}".rstrip())
        for line in self._why(order):
            self.stdout.write(line)

    def _why(self, order: Order):
        state = State(order.state)
        if state in CLOSED:
            yield "It is closed. Stock and money go back by themselves: see catalog's reservation and the payment."
        elif state is State.CONFIRMED:
            yield f"  {'seen ' if order.stock_committed else 'OWED '} by catalog: stock.committed"
            yield f"  {'seen ' if order.payment_captured else 'OWED '} by payments: payment.captured"
        else:
            yield WAITS_FOR[state]
        if state in {State.PENDING_STOCK, State.AWAITING_PAYMENT}:
            yield f"It expires at {order.expires_at:%Y-%m-%d %H:%M:%S}."
            if order.expires_at < timezone.now():
                yield "That is past: expiry waits until all partitions of stock and payment events were read past it."
        if order.hold_reasons:
            yield f"It is held from shipping: {', '.join(order.hold_reasons)}."
