"""Goods on their way back: asked for by the buyer, decided by staff, received by a warehouse, then refunded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.problems import Conflict, NotFound, Problem
from chassis.views import require_match
from django.db import transaction
from rest_framework.request import Request
from uuid_utils.compat import uuid7

from orders.domain import returns
from orders.domain.lifecycle import State
from orders.domain.returns import ReturnFact, ReturnState, Terms
from orders.models import Order, OrderLine, Return
from orders.use_cases.orders import Said, write
from orders.use_cases.refunds import ask_back, save_units

SHIPPED = {State.PARTIALLY_SHIPPED, State.SHIPPED, State.DELIVERED}


def request_return(*, order: Order, units: Mapping[int, int], reason: str, cause: str, now: datetime) -> Order:
    """The buyer asks to send shipped units back, by line id.

    Raises Conflict `not_returnable` (nothing shipped), `return_window_closed`, `return_too_much` (more than shipped and
    not on its way back already), Problem `unknown_line`.
    """
    with transaction.atomic(savepoint=False):
        locked = Order.objects.locked(pk=order.pk)
        if locked is None:
            raise NotFound()
        _refuse_if_not_returnable(locked, Terms.read(order.quote.return_terms), now)
        lines = {line.line_id: line for line in locked.lines.all()}
        if unknown := set(units) - set(lines):
            raise Problem("unknown_line", f"The order has no line {min(unknown)}.")
        for line_id, quantity in units.items():
            left = lines[line_id].shipped - lines[line_id].returning
            if quantity > left:
                raise Conflict("return_too_much", f"Line {line_id} has {left} units to return, not {quantity}.")
            lines[line_id].returning += quantity
        goods = [lines[line_id].units(quantity) for line_id, quantity in sorted(units.items())]
        returned = Return(order=locked, state=ReturnState.REQUESTED.value, reason=reason, lines=goods)
        returned.id, returned.requested_at = uuid7(), now
        returned.save(force_insert=True)
        said = Said.at(now, cause=cause)
        _say(locked, returned, "return_requested", said, detail={"reason": reason})
        save_units(list(lines.values()))
        write(locked, said)
    return locked


def decide_return(
    *, return_id: UUID, approve: bool, comment: str, cause: str, now: datetime, request: Request
) -> Order:
    """Staff approve a return, or reject it. Raises NotFound, Conflict `return_decided`, and what If-Match asks for."""
    fact = ReturnFact.APPROVED if approve else ReturnFact.REJECTED
    with transaction.atomic(savepoint=False):
        order, returned = _locked(return_id, request)
        said = Said.at(now, cause=cause)
        event = _take(returned, fact)
        returned.comment, returned.decided_at = comment, now
        returned.save()
        if not approve:
            lines = list(order.lines.all())
            _no_longer_returning(lines, {line["line_id"]: line["quantity"] for line in returned.lines})
            save_units(lines)
        _say(order, returned, event, said, detail={"comment": comment})
        write(order, said)
    return order


def receive_return(
    *, return_id: UUID, received: Mapping[int, tuple[int, int]], cause: str, now: datetime, request: Request
) -> Order:
    """Goods arrived: by line id the units that came and those of them that are fit for sale; their money goes back.

    What was announced and did not come is no longer on its way. Which parts are refunded is what the quote promised.
    Raises NotFound, Conflict `return_decided` (not approved, or received already), Problem `unknown_line`, `too_many`.
    """
    with transaction.atomic(savepoint=False):
        order, returned = _locked(return_id, request)
        said = Said.at(now, cause=cause)
        event = _take(returned, ReturnFact.RECEIVED)
        announced = {line["line_id"]: line for line in returned.lines}
        came = _checked(announced, received)
        lines = list(order.lines.all())
        missing = {line_id: line["quantity"] - came.get(line_id, (0, 0))[0] for line_id, line in announced.items()}
        _no_longer_returning(lines, missing)
        returned.lines = [
            {**announced[line_id], "quantity": quantity, "restock_quantity": fit}
            for line_id, (quantity, fit) in sorted(came.items())
        ]
        returned.received_at = now
        _say(order, returned, event, said)
        _refund(order, returned, lines, said)
        returned.save()
        save_units(lines)
        write(order, said)
    return order


def _refund(order: Order, returned: Return, lines: list[OrderLine], said: Said) -> None:
    """Ask for the money of what came; a return whose units were refunded before is finished at once."""
    refundable = {line.line_id: line.refundable for line in lines}
    units = {line["line_id"]: min(line["quantity"], refundable[line["line_id"]]) for line in returned.lines}
    parts = Terms.read(order.quote.return_terms).parts
    returned.refund = ask_back(order, lines, units, reason="return", said=said, parts=parts)
    if returned.refund is None and (step := returns.decide(ReturnState(returned.state), ReturnFact.REFUNDED)):
        returned.state, returned.refunded_at = step[0].value, said.now
        said.note(order, ReturnFact.REFUNDED.value, {"return_id": str(returned.pk), "amount": "nothing was left"})


def _refuse_if_not_returnable(order: Order, terms: Terms, now: datetime) -> None:
    if order.state not in SHIPPED:
        raise Conflict("not_returnable", f"The order is {order.state}; only what has shipped can be returned.")
    arrivals = list(order.shipments.values_list("delivered_at", flat=True))
    if returns.too_late(terms, arrivals, now=now):
        raise Conflict("return_window_closed", f"Returns were possible for {terms.window_days} days after the arrival.")


def _locked(return_id: UUID, request: Request) -> tuple[Order, Return]:
    """The order first: its row's lock guards its returns too."""
    found = Return.objects.filter(pk=return_id).only("order_id").first()
    if found is None:
        raise NotFound("There is no such return.")
    order = Order.objects.to_show().select_for_update().get(pk=found.order_id)
    require_match(request, f'"{order.version}"')
    return order, Return.objects.get(pk=return_id)


def _take(returned: Return, fact: ReturnFact) -> str:
    step = returns.decide(ReturnState(returned.state), fact)
    if step is None:
        raise Conflict("return_decided", f"The return is {returned.state}.", state=returned.state)
    returned.state = step[0].value
    return step[1] or ""


def _checked(announced: Mapping[int, dict], received: Mapping[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    if unknown := set(received) - set(announced):
        raise Problem("unknown_line", f"Line {min(unknown)} is not part of this return.")
    for line_id, (quantity, fit) in received.items():
        if quantity > (most := announced[line_id]["quantity"]):
            raise Problem("too_many", f"Of line {line_id} {most} units were announced, not {quantity}.")
        if fit > quantity:
            raise Problem("too_many", f"Of line {line_id} {quantity} units came; {fit} cannot be fit for sale.")
    return dict(received)


def _no_longer_returning(lines: list[OrderLine], units: Mapping[int, int]) -> None:
    for line in lines:
        line.returning -= units.get(line.line_id, 0)


def _say(order: Order, returned: Return, event: str, said: Said, *, detail: dict[str, Any] | None = None) -> None:
    names = ("line_id", "sku", "quantity")
    lines = returned.lines if event == "return_received" else [{n: line[n] for n in names} for line in returned.lines]
    said.tell(order, event, {"return_id": str(returned.pk), "lines": lines})
    said.note(
        order, event.replace("_", " "), {"return_id": str(returned.pk), "lines": returned.lines, **(detail or {})}
    )
