"""Money back: asked for here and nowhere else, answered by payments."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.problems import Conflict, NotFound, Problem
from chassis.views import require_match
from django.db import transaction
from rest_framework.request import Request
from uuid_utils.compat import uuid7

from orders.domain import lifecycle, refunds, returns
from orders.domain.refunds import PARTS, Amount, NotRefundable, RefundState
from orders.models import Order, OrderLine, Refund
from orders.use_cases.orders import Said, write

logger = logging.getLogger(__name__)


def refund_order(
    *,
    order_id: UUID,
    units: Mapping[int, int],
    parts: Iterable[str],
    amount: Mapping[str, Any] | None,
    reason: str,
    comment: str,
    cause: str,
    now: datetime,
    request: Request,
) -> Order:
    """Staff give money back: for `units` by line id (that left or never will), or an `amount` that is of no line.

    Raises NotFound, Conflict `not_refundable` (nothing was captured, or the order is closed), `disputed`,
    `refund_too_much`, Problem `unknown_line`, `currency_mismatch`, and what If-Match asks for.
    """
    with transaction.atomic(savepoint=False):
        order = Order.objects.locked(pk=order_id)
        if order is None:
            raise NotFound("There is no such order.")
        require_match(request, f'"{order.version}"')
        _refuse_if_not_refundable(order)
        said = Said.at(now, cause=cause)
        lines = list(order.lines.all())
        if unknown := set(units) - {line.line_id for line in lines}:
            raise Problem("unknown_line", f"The order has no line {min(unknown)}.")
        try:
            if amount is not None:
                if amount["currency"] != order.currency:
                    raise Problem("currency_mismatch", f"The order is in {order.currency}.")
                back = refunds.of_no_line(amount["amount_minor"], charged=order.charged())
                refund: Refund | None = _ask(order, back, reason, said, comment=comment)
            else:
                refund = ask_back(order, lines, units, reason=reason, parts=parts, said=said, comment=comment)
        except NotRefundable as refusal:
            raise Conflict("refund_too_much", str(refusal)) from refusal
        if refund is None:
            raise Conflict("refund_too_much", "Nothing of what was charged is left to refund for these units.")
        save_units(lines)
        write(order, said)
    return order


def ask_back(
    order: Order,
    lines: list[OrderLine],
    units: Mapping[int, int],
    *,
    reason: str,
    said: Said,
    parts: Iterable[str] = PARTS,
    comment: str = "",
) -> Refund | None:
    """Ask payments for these units' money, under the order's lock; None when nothing of it is left.

    The caller saves the lines. Raises NotRefundable for units that have neither left nor been cancelled, or whose money
    was asked back already.
    """
    for line in lines:
        if units.get(line.line_id, 0) > line.refundable:
            asked = units[line.line_id]
            raise NotRefundable(f"Line {line.line_id} has {line.refundable} units to refund, not {asked}.")
    collected = _collected(order)
    charged = [line.charged(collected) for line in lines]
    back = refunds.by_line(charged, units, charged=order.charged(), parts=parts)
    for line in lines:
        line.refunded += units.get(line.line_id, 0)
    order.refund_carried_minor = back.carried
    return _ask(order, back, reason, said, comment=comment) if back.minor else None


def _ask(order: Order, back: Amount, reason: str, said: Said, *, comment: str) -> Refund:
    lines = [
        {"line_id": share.line_id, "quantity": share.quantity, **{part: getattr(share, part) for part in PARTS}}
        for share in back.shares
    ]
    refund = Refund(
        order=order,
        refund_id=uuid7(),
        amount_minor=back.minor,
        currency=order.currency,
        state=RefundState.REQUESTED.value,
        reason=reason,
        lines=lines,
        requested_at=said.now,
        at=said.now,
    )
    refund.save(force_insert=True)
    order.refunded_minor += back.minor
    said.tell(order, "refund_requested", request_of(order, refund))
    amount = {"amount_minor": back.minor, "currency": order.currency}
    said.note(order, "refund requested", {"amount": amount, "reason": reason, "comment": comment})
    return refund


def request_of(order: Order, refund: Refund, *, repeat: int = 0) -> dict[str, Any]:
    """What `order.refund_requested` says of a refund."""

    def priced(minor: int) -> dict[str, Any]:
        return {"amount_minor": minor, "currency": refund.currency}

    lines = [
        {**{name: line[name] for name in ("line_id", "quantity")}, **{part: priced(line[part]) for part in PARTS}}
        for line in refund.lines or []
    ]
    return {
        "refund_id": str(refund.refund_id),
        "payment_id": str(order.payment_id),
        "amount": priced(refund.amount_minor),
        "reason": refund.reason,
        "lines": lines,
        "repeat": repeat,
    }


def save_units(lines: list[OrderLine]) -> None:
    """Write the lines' counts of units, in one statement."""
    OrderLine.objects.bulk_update(lines, ["shipped", "cancelled", "returning", "refunded"])


def record_answer(*, order_id: UUID, event_id: str, succeeded: bool, data: dict[str, Any], now: datetime) -> None:
    """Money went back, or could not: shown with the order, whose state it never changes.

    One row for each `refund_id`: a success is its last word, a failure may still become one. What payments gave back by
    itself (`refund_id` null) gets a row of its own, and a success takes over the row of the failure before it.
    """
    with transaction.atomic(savepoint=False):
        order = Order.objects.locked(pk=order_id)
        if order is None:
            logger.warning("a refund of an order that is not ours", extra={"order_id": str(order_id)})
            return
        refund = _answered(order, data)
        state = RefundState.SUCCEEDED if succeeded else RefundState.FAILED
        if refund.state in {RefundState.SUCCEEDED, state}:
            return
        refund.state, refund.event_id, refund.at = state.value, event_id, now
        refund.save()
        said = Said.at(now)
        order.version += 1
        said.note(order, f"refund {state}", {"amount": data["amount"], "reason": refund.reason})
        if succeeded:
            _finish_return(order, refund, said)
        write(order, said)


def _answered(order: Order, data: dict[str, Any]) -> Refund:
    """The row that the answer belongs to; a new one for what nobody here has asked for."""
    amount = data["amount"]
    known = order.refunds.select_related("returned").filter(refund_id=data["refund_id"])
    if data["refund_id"] is None:
        known = known.filter(state=RefundState.FAILED, amount_minor=amount["amount_minor"])
    refund = known.first()
    if refund is None:
        if data["refund_id"] is not None:
            logger.error("payments answers a refund that was not asked for", extra={"order_id": str(order.pk)})
        refund = Refund(order=order, refund_id=data["refund_id"], state="")
        refund.amount_minor, refund.currency = amount["amount_minor"], amount["currency"]
    return refund


def _finish_return(order: Order, refund: Refund, said: Said) -> None:
    returned = getattr(refund, "returned", None)
    if returned is not None and (step := returns.decide(returned.state, returns.ReturnFact.REFUNDED)):
        returned.state, returned.refunded_at = step[0].value, said.now
        returned.save(update_fields=["state", "refunded_at"])
        said.note(order, returns.ReturnFact.REFUNDED.value, {"return_id": str(returned.pk)})


def _refuse_if_not_refundable(order: Order) -> None:
    if order.state in lifecycle.CLOSED:
        raise Conflict("not_refundable", f"The order is {order.state}: its money goes back by itself.")
    if not order.payment_captured:
        raise Conflict("not_refundable", f"The order is {order.state}: nothing was captured yet; cancel it instead.")
    if order.dispute and order.dispute["outcome"] is None:
        raise Conflict("disputed", "The buyer's bank contests the charge; a refund now could be paid twice.")


def _collected(order: Order) -> set[str]:
    """The parts that were charged at checkout; the carrier keeps what it took at the door."""
    collect = {charge["kind"]: charge["collect"] for charge in order.charges}
    at_the_door = {"duty" if kind == "fee" else kind for kind, where in collect.items() if where != "checkout"}
    return set(PARTS) - at_the_door
