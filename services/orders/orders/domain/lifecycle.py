"""The order's state machine: one table from (state, fact) to the next state and what the order then says.

Pure: nothing here reads a clock, a database or a setting. `decide` is total: a pair that the table does not have
changes nothing, which is what makes late, repeated and reordered events harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    PENDING_STOCK = "pending_stock"
    AWAITING_PAYMENT = "awaiting_payment"
    CONFIRMED = "confirmed"
    PAID = "paid"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


CLOSED = frozenset({State.REJECTED, State.EXPIRED, State.CANCELLED})
UNPAID = frozenset({State.PENDING_STOCK, State.AWAITING_PAYMENT})


class Fact(StrEnum):
    """What can happen to an order."""

    STOCK_RESERVED = "stock reserved"
    STOCK_REJECTED = "stock rejected"
    STOCK_COMMITTED = "stock committed"
    STOCK_COMMIT_FAILED = "stock lost"
    PAYMENT_AUTHORIZED = "payment authorized"
    PAYMENT_CAPTURED = "payment captured"
    CAPTURE_FAILED = "capture refused for good"
    STOCK_AND_MONEY = "paid"  # stock committed and payment captured, both seen
    TIME_UP = "not paid in time"
    CANCELLED = "cancelled by a person"
    PART_SHIPPED = "a part shipped"
    REST_SHIPPED = "nothing unshipped is left"
    SHIPMENT_DELIVERED = "a shipment delivered"
    ALL_DELIVERED = "every shipment delivered"
    PART_CANCELLED = "a part of the rest cancelled"
    REST_CANCELLED = "the unshipped rest cancelled"
    NOTHING_UNDERWAY = "all that shipped had arrived"


class IllegalTransition(Exception):
    """What a person asked for is not possible in this state; the message says which state and why."""


@dataclass(frozen=True)
class DomainEvent:
    """What `publish` takes; `sequence` is the order's version after the step."""

    type: str
    key: str
    subject: str
    sequence: int
    data: Mapping[str, Any]


@dataclass(frozen=True)
class OrderFacts:
    """An order as far as its decisions need it. `total_minor` is in minor units of `currency`."""

    id: str
    number: str
    user_id: str | None
    state: State
    version: int
    payment_id: str
    total_minor: int
    currency: str
    expires_at: datetime
    guest_token_sha256: str | None = None
    stock_committed: bool = False
    payment_captured: bool = False
    held: bool = False


@dataclass(frozen=True)
class Step:
    """The order after a fact, and what it says to the others."""

    order: OrderFacts
    fact: Fact
    events: tuple[DomainEvent, ...] = field(default=())


Says = Callable[[OrderFacts, Mapping[str, Any]], tuple[str, dict[str, Any]]]


def asks_for_payment(order: OrderFacts, detail: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "payment_requested", {
        "payment_id": order.payment_id,
        "guest_token_sha256": order.guest_token_sha256,
        "total": {"amount_minor": order.total_minor, "currency": order.currency},
        "expires_at": timestamp(order.expires_at),
    }


def is_rejected(order: OrderFacts, detail: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "rejected", {"lines": detail["lines"]}


def is_expired(order: OrderFacts, detail: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "expired", {"reason": "unpaid"}


def is_confirmed(order: OrderFacts, detail: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "confirmed", {"payment_id": order.payment_id, "repeat": 0}


def is_paid(order: OrderFacts, detail: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "paid", {"total": {"amount_minor": order.total_minor, "currency": order.currency}}


def is_cancelled(order: OrderFacts, detail: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "cancelled", {"reason": detail["reason"]}


def is_shipped(order: OrderFacts, detail: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "shipped", {name: detail[name] for name in ("shipment_id", "lines", "carrier", "tracking_number")}


def is_delivered(order: OrderFacts, detail: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "delivered", {"shipment_id": detail["shipment_id"]}


def lines_are_cancelled(order: OrderFacts, detail: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "lines_cancelled", {"lines": detail["lines"]}


S, F = State, Fact
TRANSITIONS: dict[tuple[State, Fact], tuple[State, Says | None]] = {
    (S.PENDING_STOCK, F.STOCK_RESERVED): (S.AWAITING_PAYMENT, asks_for_payment),
    (S.PENDING_STOCK, F.STOCK_REJECTED): (S.REJECTED, is_rejected),
    (S.PENDING_STOCK, F.TIME_UP): (S.EXPIRED, is_expired),
    (S.PENDING_STOCK, F.CANCELLED): (S.CANCELLED, is_cancelled),
    (S.AWAITING_PAYMENT, F.PAYMENT_AUTHORIZED): (S.CONFIRMED, is_confirmed),
    (S.AWAITING_PAYMENT, F.TIME_UP): (S.EXPIRED, is_expired),
    (S.AWAITING_PAYMENT, F.CANCELLED): (S.CANCELLED, is_cancelled),
    (S.CONFIRMED, F.STOCK_AND_MONEY): (S.PAID, is_paid),
    (S.CONFIRMED, F.CAPTURE_FAILED): (S.CANCELLED, is_cancelled),
    (S.CONFIRMED, F.STOCK_COMMIT_FAILED): (S.CANCELLED, is_cancelled),
    (S.CONFIRMED, F.CANCELLED): (S.CANCELLED, is_cancelled),
    (S.PAID, F.STOCK_COMMIT_FAILED): (S.CANCELLED, is_cancelled),
    (S.PAID, F.CANCELLED): (S.CANCELLED, is_cancelled),
    (S.PAID, F.PART_SHIPPED): (S.PARTIALLY_SHIPPED, is_shipped),
    (S.PAID, F.REST_SHIPPED): (S.SHIPPED, is_shipped),
    (S.PARTIALLY_SHIPPED, F.PART_SHIPPED): (S.PARTIALLY_SHIPPED, is_shipped),
    (S.PARTIALLY_SHIPPED, F.REST_SHIPPED): (S.SHIPPED, is_shipped),
    (S.PARTIALLY_SHIPPED, F.SHIPMENT_DELIVERED): (S.PARTIALLY_SHIPPED, is_delivered),
    (S.PARTIALLY_SHIPPED, F.PART_CANCELLED): (S.PARTIALLY_SHIPPED, lines_are_cancelled),
    (S.PARTIALLY_SHIPPED, F.REST_CANCELLED): (S.SHIPPED, lines_are_cancelled),
    (S.SHIPPED, F.SHIPMENT_DELIVERED): (S.SHIPPED, is_delivered),
    (S.SHIPPED, F.ALL_DELIVERED): (S.DELIVERED, is_delivered),
    (S.SHIPPED, F.NOTHING_UNDERWAY): (S.DELIVERED, None),  # each arrival was told when it came
}


def decide(order: OrderFacts, fact: Fact, **detail: Any) -> Step | None:
    """What a fact makes of an order; None when it makes nothing of it.

    Committed stock and captured money are remembered whenever they are seen; the order is paid once both were.
    """
    if fact in {Fact.STOCK_COMMITTED, Fact.PAYMENT_CAPTURED}:
        return _remember(order, fact, detail)
    if (order.state, fact) not in TRANSITIONS:
        return None
    state, says = TRANSITIONS[order.state, fact]
    after = replace(order, state=state, version=order.version + 1)
    return Step(after, fact, (event(after, *says(order, detail)),) if says else ())


def _remember(order: OrderFacts, fact: Fact, detail: Mapping[str, Any]) -> Step | None:
    mark = "stock_committed" if fact is Fact.STOCK_COMMITTED else "payment_captured"
    if getattr(order, mark):
        return None
    seen = replace(order, **{mark: True})  # type: ignore[arg-type]
    if seen.stock_committed and seen.payment_captured and (step := decide(seen, Fact.STOCK_AND_MONEY, **detail)):
        return step
    return Step(seen, fact)


def cancel(order: OrderFacts, *, reason: str) -> Step:
    """A person cancels. Raises IllegalTransition once something has shipped, or when the order is closed already."""
    step = decide(order, Fact.CANCELLED, reason=reason)
    if step is None:
        why = "It is closed already." if order.state in CLOSED else "Something of it has shipped; ask for a return."
        raise IllegalTransition(f"The order is {order.state}. {why}")
    return step


def ship(order: OrderFacts, *, nothing_left: bool, **shipment: Any) -> Step:
    """Goods leave. Raises IllegalTransition unless the order is paid and nothing holds it."""
    if order.held:
        raise IllegalTransition("The order is held; lift its holds first.")
    step = decide(order, Fact.REST_SHIPPED if nothing_left else Fact.PART_SHIPPED, **shipment)
    if step is None:
        raise IllegalTransition(f"The order is {order.state}; only a paid order is shipped.")
    return step


def cancel_lines(order: OrderFacts, *, nothing_left: bool, underway: bool, lines: list[dict]) -> tuple[Step, ...]:
    """Units of a partly shipped order will not ship; `underway` says whether a shipment has not arrived yet.

    Raises IllegalTransition in every other state.
    """
    step = decide(order, Fact.REST_CANCELLED if nothing_left else Fact.PART_CANCELLED, lines=lines)
    if step is None:
        why = "Cancel it whole." if (order.state, Fact.CANCELLED) in TRANSITIONS else "Nothing of it is left to ship."
        raise IllegalTransition(f"The order is {order.state}. {why}")
    if underway or (arrived := decide(step.order, Fact.NOTHING_UNDERWAY)) is None:
        return (step,)
    return (step, arrived)


def placed(
    order: OrderFacts,
    *,
    contact: Mapping[str, str],
    ship_to: str,
    lines: list[dict],
    charges: list[dict],
    repeat: int = 0,
) -> DomainEvent:
    """What a new order says first; money in `lines` and `charges` is {amount_minor, currency}."""
    return event(
        order,
        "placed",
        {
            "contact": dict(contact),
            "ship_to": ship_to,
            "lines": lines,
            "charges": charges,
            "total": {"amount_minor": order.total_minor, "currency": order.currency},
            "expires_at": timestamp(order.expires_at),
            "repeat": repeat,
        },
    )


def confirmed_again(order: OrderFacts, *, repeat: int) -> DomainEvent:
    """The confirmation once more, for those who owe its answer."""
    return event(order, "confirmed", {"payment_id": order.payment_id, "repeat": repeat})


def next_action(state: State) -> str:
    """What the shopper's page does now: `wait` and ask again, let them `pay`, or `none`."""
    if state in {State.PENDING_STOCK, State.CONFIRMED}:
        return "wait"
    return "pay" if state is State.AWAITING_PAYMENT else "none"


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, ending in Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def event(order: OrderFacts, name: str, data: dict[str, Any]) -> DomainEvent:
    """What an order says; `name` is the past tense of its type."""
    reference = {"order_id": order.id, "order_number": order.number, "user_id": order.user_id}
    return DomainEvent(
        f"crossborder.order.{name}.v1", order.id, f"order/{order.id}", order.version, {**reference, **data}
    )
