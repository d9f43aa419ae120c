"""What notifications' tests share: events as their producers tell them, and one order's story."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from notifications.models import Delivery
from outbox.testing import deliver

SERVICES = Path(__file__).parents[2]
MIRA = "01a10c6f-8e80-7fc2-b610-fb8b8d910761"
COFFEE = "COFFEE-SIDAMO-1KG"
PARCEL = {
    "shipment_id": "01a1a0d9-f100-7f41-ac5a-47c2762500aa",
    "lines": [{"line_id": 1, "sku": COFFEE, "quantity": 2, "warehouse": "NL-AMS"}],
    "carrier": "PostNL",
    "tracking_number": "3SCBTA0012345",
}


def examples(event_type: str) -> list[dict[str, Any]]:
    """A producer's own examples of an event."""
    (file,) = SERVICES.glob(f"*/contracts/events/{event_type}.examples.json")
    return json.loads(file.read_text("utf-8"))


class Order:
    """An order whose events are told one by one: `order.say("paid")`."""

    def __init__(self, user_id: str | None = None, locale: str = "en", **changes: Any):
        placed = examples("crossborder.order.placed.v1")[0]
        self.id, self.number, self.user_id = str(uuid4()), f"CB-{uuid4().hex[:10].upper()}", user_id
        self.payment_id = str(uuid4())
        contact = {**placed["contact"], "locale": locale}
        self.placed = {**placed, "contact": contact, "expires_at": "2099-01-01T00:00:00Z", **changes}

    def place(self, **how: Any) -> Order:
        self.say("order.placed", **{**self.placed, **how})
        return self

    def say(self, name: str, *, id: str | None = None, now=None, **data: Any) -> bool:
        reference = {"order_id": self.id, "order_number": self.number, "user_id": self.user_id}
        if name.startswith("payment."):
            reference["payment_id"] = self.payment_id
        return deliver(f"crossborder.{name}.v1", {**data, **reference}, key=self.id, id=id, now=now)

    def mails(self, **how: Any) -> list[Delivery]:
        return list(Delivery.objects.filter(order_id=self.id, channel="email", **how).order_by("created_at", "id"))

    def mail(self, template: str) -> Delivery:
        return Delivery.objects.get(order_id=self.id, channel="email", template=template)


def user_event(what: str, /, **changes: Any) -> bool:
    """Tell that Mira registered, changed or was erased."""
    data = {**examples(f"crossborder.user.{what}.v1")[0], "id": MIRA, **changes}
    return deliver(f"crossborder.user.{what}.v1", data, key=MIRA)


@pytest.fixture
def order(db, eager_tasks) -> Order:
    """A guest's order, placed; mails are sent at once."""
    return Order().place()
