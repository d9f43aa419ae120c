"""Two orders for the last unit, in every interleaving, decided by orders' and catalog's own domain functions.

Payment is a choice of the shopper's here (`services_model.py` explores it); what matters is who gets the unit, and that
the other one is told and waits for nothing.
Run: make model
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from catalog.domain import reservations
from orders.domain import lifecycle
from orders.domain.lifecycle import Fact, OrderFacts
from orders.domain.lifecycle import State as OrderState

from tests.model.exploring import Explored, explore_from
from tests.model.services_model import AT, HOLD, STOCK_FACTS, names

ORDER = OrderFacts("o", "CB-0", None, OrderState.PENDING_STOCK, 0, "p", 1, "EUR", AT)
UNITS = 1


@dataclass(frozen=True)
class Purchase:
    """One order with its reservation and what was said about it; `c`, `o`: what catalog and orders have read."""

    order: OrderFacts = ORDER
    hold: reservations.ReservationFacts = HOLD
    order_events: tuple[str, ...] = ("placed",)
    stock_events: tuple[str, ...] = ()
    c: int = 0
    o: int = 0
    backstop_left: int = 1


@dataclass(frozen=True)
class World:
    purchases: tuple[Purchase, Purchase] = (Purchase(), Purchase())
    held: int = 0
    committed: int = 0


def after_order(purchase: Purchase, step: lifecycle.Step | None) -> Purchase:
    if step is None:
        return purchase
    said = purchase.order_events + names(step.events, "order")
    return replace(purchase, order=replace(step.order, version=0), order_events=said)


def with_hold(world: World, at: int, purchase: Purchase, fact: reservations.Fact) -> World:
    """use_cases.reservations: moves that find too little stock become the SHORT fact."""
    step = reservations.decide(purchase.hold, fact, reason="model", shortages=[])
    free = UNITS - world.held - world.committed
    if step is not None and any(move.takes > free for move in step.moves):
        step = reservations.decide(purchase.hold, reservations.SHORT[fact], reason="model", shortages=[])
    if step is None:
        return put(world, at, purchase)
    said = purchase.stock_events + names(step.events, "stock")
    after = put(world, at, replace(purchase, hold=replace(step.reservation, version=0), stock_events=said))
    return replace(
        after,
        held=world.held + sum(move.held for move in step.moves),
        committed=world.committed + sum(move.committed for move in step.moves),
    )


def put(world: World, at: int, purchase: Purchase) -> World:
    purchases = list(world.purchases)
    purchases[at] = purchase
    return replace(world, purchases=tuple(purchases))


FACTS = {"placed": reservations.Fact.PLACED, "confirmed": reservations.Fact.CONFIRMED}
ENDS = {"rejected", "expired", "cancelled"}


def duties(world: World) -> Iterator[World]:
    for at, purchase in enumerate(world.purchases):
        if purchase.c < len(purchase.order_events):
            event = purchase.order_events[purchase.c]
            fact = reservations.Fact.CLOSED if event in ENDS else FACTS.get(event)
            read = replace(purchase, c=purchase.c + 1)
            yield with_hold(world, at, read, fact) if fact else put(world, at, read)
        if purchase.o < len(purchase.stock_events):
            fact = STOCK_FACTS.get(purchase.stock_events[purchase.o])
            read = replace(purchase, o=purchase.o + 1)
            step = lifecycle.decide(read.order, fact, lines=[], reason="model") if fact else None
            yield put(world, at, after_order(read, step))
        if purchase.order.state is OrderState.CONFIRMED and not purchase.order.payment_captured:
            yield put(world, at, after_order(purchase, lifecycle.decide(purchase.order, Fact.PAYMENT_CAPTURED)))
        if purchase.order.state in lifecycle.UNPAID:
            yield put(world, at, after_order(purchase, lifecycle.decide(purchase.order, Fact.TIME_UP)))


def choices(world: World) -> Iterator[World]:
    for at, purchase in enumerate(world.purchases):
        yield put(world, at, after_order(purchase, lifecycle.decide(purchase.order, Fact.PAYMENT_AUTHORIZED)))
        yield put(world, at, after_order(purchase, lifecycle.decide(purchase.order, Fact.CANCELLED, reason="buyer")))
        if purchase.hold.state is reservations.State.HELD and purchase.backstop_left:
            yield with_hold(world, at, replace(purchase, backstop_left=0), reservations.Fact.BACKSTOP)


def violations(world: World, *, is_settled: bool) -> Iterator[str]:
    states = [purchase.hold.state for purchase in world.purchases]
    held, committed = states.count(reservations.State.HELD), states.count(reservations.State.COMMITTED)
    if (held, committed) != (world.held, world.committed):
        yield f"{held} held and {committed} promised by reservations, {world.held} and {world.committed} in stock"
    if world.held < 0 or world.committed < 0 or world.held + world.committed > UNITS:
        yield f"{world.held} held and {world.committed} promised of {UNITS}"
    if not is_settled:
        return
    for purchase in world.purchases:
        paid, closed = purchase.order.state is OrderState.PAID, purchase.order.state in lifecycle.CLOSED
        if not paid and not closed:
            yield f"an order waits for ever: {purchase.order.state}"
        if paid != (purchase.hold.state is reservations.State.COMMITTED):
            yield f"{purchase.order.state} with stock {purchase.hold.state}"


def explore() -> Explored:
    return explore_from(World(), duties, choices, violations)
