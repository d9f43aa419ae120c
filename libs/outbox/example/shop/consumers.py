"""What the shop reacts to: a handler parses its event and calls one use case."""

from datetime import datetime

from outbox.events import Event

from . import use_cases


def on_order_placed(event: Event, *, now: datetime) -> None:
    """Pack what was ordered."""
    use_cases.pack(order_key=event.key, item=event.data["item"], quantity=event.data["quantity"])


HANDLERS = {"shop.order.placed.v1": on_order_placed}
