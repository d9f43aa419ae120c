"""What the shop does: each change and the event that tells of it commit together, or neither does."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from outbox.publishing import publish

from .models import Order, Parcel


@dataclass(frozen=True)
class OrderPlaced:
    """Any object with these attributes is an event; a pure domain can make it."""

    key: str
    sequence: int
    data: dict[str, Any]
    type: str = "shop.order.placed.v1"

    @property
    def subject(self) -> str:
        return f"order/{self.key}"


def place_order(*, item: str, quantity: int) -> Order:
    """Write the order and say so. Raises SchemaViolation, with nothing written, for a quantity of zero."""
    with transaction.atomic(savepoint=False):
        order = Order.objects.create(item=item, quantity=quantity, version=1)
        publish(OrderPlaced(str(order.pk), order.version, {"item": item, "quantity": quantity}))
    return order


def pack(*, order_key: str, item: str, quantity: int) -> None:
    """Make the order's parcel. It happens once, however often the event arrives."""
    Parcel.objects.create(order_key=order_key, label=f"{quantity} x {item}")
