"""The business transaction: place an order, and say so or not."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import F
from outbox.publishing import publish

from .models import Customer, Entry, Line, Order, Request, Stock

PLACED = "bench.order.placed.v1"
SKUS = ["TEE-ORGANIC-BLACK-M", "COFFEE-SIDAMO-1KG", "MUG-DELFT-300ML"]


@dataclass(frozen=True)
class Placed:
    """The event."""

    key: str
    data: dict[str, Any]
    type: str = PLACED
    sequence: int = 1

    @property
    def subject(self) -> str:
        return f"order/{self.key}"


def place(customer_id: int, *, tell: bool) -> None:
    """Twelve statements, as a checkout has: lock, look, take from stock, write order, lines and timeline."""
    with transaction.atomic(savepoint=False):
        customer = Customer.objects.select_for_update().get(pk=customer_id)
        customer.orders += 1
        customer.save(update_fields=["orders"])
        names = [f"{sku}-{customer_id % 50}" for sku in SKUS]
        levels = list(Stock.objects.filter(sku__in=names).order_by("sku"))
        Order.objects.filter(customer=customer).order_by("-id").values_list("number", flat=True).first()
        for name in names:
            Stock.objects.filter(sku=name).update(level=F("level") - 1)
        order = Order.objects.create(customer=customer, number=f"{customer_id}-{customer.orders}", total=12999)
        lines = [Line(order=order, sku=sku, quantity=1, price=4333) for sku in SKUS]
        Line.objects.bulk_create(lines)
        Entry.objects.create(order=order, what="placed")
        Request.objects.create(key=str(uuid4()), answer={"id": order.pk, "seen": len(levels)})
        if tell:
            data = {
                "order_id": order.pk,
                "number": order.number,
                "total": {"amount_minor": order.total, "currency": "EUR"},
                "lines": [{"sku": line.sku, "quantity": line.quantity, "price": line.price} for line in lines],
            }
            publish(Placed(str(order.pk), data))
