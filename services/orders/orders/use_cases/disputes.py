"""The buyer's bank contests a charge: shipping waits until it is decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from orders.models import Order
from orders.use_cases.orders import Said, write

DISPUTE = "dispute"


def record_dispute(*, order_id: UUID, data: dict[str, Any], now: datetime) -> None:
    """A dispute was opened (`outcome` null) or closed: set or lift the hold, and show it; a repeat changes nothing."""
    told = {name: data[name] for name in ("amount", "reason", "due_by", "outcome")}
    with transaction.atomic(savepoint=False):
        order = Order.objects.locked(pk=order_id)
        if order is None or str(order.payment_id) != data["payment_id"] or _known(order.dispute, told):
            return
        is_open = told["outcome"] is None
        order.dispute = told
        reasons = {*order.hold_reasons, DISPUTE} if is_open else {*order.hold_reasons} - {DISPUTE}
        order.hold_reasons = sorted(reasons)
        order.version += 1
        said = Said.at(now)
        said.note(order, "disputed" if is_open else "dispute closed", told)
        write(order, said)


def _known(dispute: dict[str, Any] | None, told: dict[str, Any]) -> bool:
    """Whether this was told before, or is the opening of a dispute that is closed already."""
    if dispute is None:
        return False
    same = all(dispute[name] == told[name] for name in ("amount", "reason", "due_by"))
    return dispute == told or (same and told["outcome"] is None)
