"""The saga of one order in every interleaving, decided by the services' own domain functions.

`saga_model.py` proves the protocol; this proves that what runs is that protocol. Orders decides by `lifecycle.decide`,
catalog by `reservations.decide`, payments by `settlement.settle` and `settlement.observe`; only topics, the provider,
people and accidents are modelled here. What can become of a paid order is explored by `afterwards_model.py`.
Run: make model
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from catalog.domain import reservations
from orders.domain import lifecycle
from orders.domain.lifecycle import Fact, OrderFacts
from orders.domain.lifecycle import State as OrderState
from payments.domain import settlement
from payments.domain.facts import Kind, PaymentFacts, RefundFacts, Seen
from payments.domain.settlement import State as PaymentState

from tests.model.exploring import Explored, explore_from

TOTAL = 2
AT = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = OrderFacts("o", "CB-0", None, OrderState.PENDING_STOCK, 0, "p", TOTAL, "EUR", AT)
HOLD = reservations.ReservationFacts("o", "CB-0", None, (reservations.Line(1, "A", "W", 1),))


@dataclass(frozen=True)
class Provider:
    """The truth about money: the object of the attempt that counts, and refunds executed by refund id."""

    status: str = "none"  # none, requires_action, authorized, declined, cancelled, captured, capture_refused
    refunds: tuple[str, ...] = ()
    captures: int = 0

    def seen(self) -> Seen | None:
        if self.status == "none":
            return None
        return Seen(self.status, TOTAL, "EUR", AT, refunds=dict.fromkeys(self.refunds, "succeeded"))


@dataclass(frozen=True)
class World:
    order_events: tuple[str, ...] = ("placed",)
    stock_events: tuple[str, ...] = ()
    payment_events: tuple[str, ...] = ()
    c_order: int = 0
    p_order: int = 0
    o_stock: int = 0
    o_payment: int = 0
    order: OrderFacts = ORDER
    hold: reservations.ReservationFacts = HOLD
    payment: PaymentFacts | None = None
    refund: str | None = None  # the refund that the open operation sends
    unknown: bool = False
    provider: Provider = Provider()
    attempts_left: int = 2
    timeouts_left: int = 2
    refusals_left: int = 1
    backstop_left: int = 1
    shipped: bool = False


def names(events: tuple, prefix: str) -> tuple[str, ...]:
    return tuple(event.type.removeprefix(f"crossborder.{prefix}.").removesuffix(".v1") for event in events)


# --- orders ---

STOCK_FACTS = {
    "reserved": Fact.STOCK_RESERVED,
    "rejected": Fact.STOCK_REJECTED,
    "committed": Fact.STOCK_COMMITTED,
    "commit_failed": Fact.STOCK_COMMIT_FAILED,
}
PAYMENT_FACTS = {
    "authorized": Fact.PAYMENT_AUTHORIZED,
    "captured": Fact.PAYMENT_CAPTURED,
    "capture_failed": Fact.CAPTURE_FAILED,
}


def order_takes(world: World, fact: Fact) -> World:
    step = lifecycle.decide(world.order, fact, lines=[], reason="model")
    if step is None:
        return world
    said = names(step.events, "order")
    return replace(world, order=replace(step.order, version=0), order_events=world.order_events + said)


def orders_duties(world: World) -> Iterator[World]:
    if world.o_stock < len(world.stock_events):
        read = replace(world, o_stock=world.o_stock + 1)
        fact = STOCK_FACTS.get(world.stock_events[world.o_stock])
        yield order_takes(read, fact) if fact else read
    if world.o_payment < len(world.payment_events):
        read = replace(world, o_payment=world.o_payment + 1)
        fact = PAYMENT_FACTS.get(world.payment_events[world.o_payment])
        yield order_takes(read, fact) if fact else read
    if world.order.state in lifecycle.UNPAID:
        yield order_takes(world, Fact.TIME_UP)


# --- catalog ---


def hold_takes(world: World, fact: reservations.Fact) -> World:
    step = reservations.decide(world.hold, fact, reason="model", shortages=[])
    if step is None:
        return world
    said = names(step.events, "stock")
    return replace(world, hold=replace(step.reservation, version=0), stock_events=world.stock_events + said)


def catalog_duties(world: World) -> Iterator[World]:
    if world.c_order == len(world.order_events):
        return
    event = world.order_events[world.c_order]
    read = replace(world, c_order=world.c_order + 1)
    if event in {"placed", "confirmed"}:
        fact = reservations.Fact.PLACED if event == "placed" else reservations.Fact.CONFIRMED
        yield hold_takes(read, fact)
        needs_stock = event == "placed" or world.hold.state is reservations.State.RELEASED
        if needs_stock:
            yield hold_takes(read, reservations.SHORT[fact])
    elif event in {"rejected", "expired", "cancelled"}:
        yield hold_takes(read, reservations.Fact.CLOSED)
    elif event == "shipped":
        step, _missing = reservations.ship(world.hold, {1: 1})
        yield replace(read, hold=replace(step.reservation, version=0) if step else world.hold, shipped=True)
    else:
        yield read


# --- payments ---


def payment_hears(world: World, event: str) -> World:
    payment = world.payment
    if event == "payment_requested":
        return replace(world, payment=PaymentFacts(PaymentState.CREATED, TOTAL, "EUR"))
    if payment is None:
        return world
    if event in {"rejected", "expired", "cancelled"}:
        return replace(world, payment=replace(payment, closed=True, queued=None))
    if event == "confirmed":
        return replace(world, payment=replace(payment, confirmed=True))
    if event == "refund_requested":
        row = refund_row(f"asked-{payment.asked_back}", 1, asked_by_order=True)
        refunds = (*payment.refunds, row)
        return replace(world, payment=replace(payment, asked_back=payment.asked_back + 1, refunds=refunds))
    return world


def refund_row(name: str, amount: int, *, asked_by_order: bool) -> RefundFacts:
    """A refund that is sent under its own name, once, for which no other sending can be taken."""
    return RefundFacts(name, amount, "requested", asked_by_order, sent=(name,), sending=name)


def settled(world: World) -> World | None:
    """One step of what use_cases.payments.advance does."""
    payment = world.payment
    action = settlement.settle(payment) if payment else None
    if payment is None or action is None:
        return None
    if action.own_refund_minor:
        own = refund_row("own", action.own_refund_minor, asked_by_order=False)
        return replace(world, payment=replace(payment, refunds=(*payment.refunds, own)))
    if action.state is not None:
        return replace(world, payment=replace(payment, state=action.state))
    after = replace(payment, operation=action.kind)
    if action.kind is Kind.AUTHORIZE:
        after = replace(after, state=PaymentState.SENT, queued=None)
        return replace(world, payment=after, provider=replace(world.provider, status="none"))
    return replace(world, payment=after, refund=action.refund)


def performed(world: World) -> Iterator[Provider]:
    """What the provider may make of the open operation."""
    provider, kind = world.provider, world.payment.operation
    if kind is Kind.AUTHORIZE:
        for status in ("authorized", "declined", "requires_action"):
            yield replace(provider, status=status)
    elif kind is Kind.CANCEL_ATTEMPT:
        waits = provider.status == "requires_action"
        yield replace(provider, status="cancelled") if waits else provider
    elif kind is Kind.VOID:
        yield replace(provider, status="cancelled")
    elif kind is Kind.CAPTURE:
        yield replace(provider, status="captured", captures=provider.captures + 1)
        if world.refusals_left:
            yield replace(provider, status="capture_refused")
    elif kind is Kind.REFUND:
        yield replace(provider, refunds=(*provider.refunds, world.refund))


def recorded(world: World) -> World:
    """What use_cases.operations.record does: write down what is seen, and close the operation."""
    seen = world.provider.seen()
    observed = settlement.observe(world.payment, seen, current=True)
    payment = replace(observed.payment, operation=None)
    if payment.state in {PaymentState.AUTHORIZED, PaymentState.CAPTURED}:
        payment = replace(payment, queued=None)
    said = tuple(said.name for said in observed.said)
    return replace(world, payment=payment, refund=None, unknown=False, payment_events=world.payment_events + said)


def payments_duties(world: World) -> Iterator[World]:
    if world.p_order < len(world.order_events):
        yield payment_hears(replace(world, p_order=world.p_order + 1), world.order_events[world.p_order])
    payment = world.payment
    if payment is None:
        return
    if (after := settled(world)) is not None:
        yield after
    if payment.operation is not None and not world.unknown:
        for provider in performed(world):
            refused = provider.status == "capture_refused" != world.provider.status
            done = replace(world, provider=provider, refusals_left=world.refusals_left - refused)
            yield recorded(done)
            if world.timeouts_left:
                yield replace(done, unknown=True, timeouts_left=world.timeouts_left - 1)
        if world.timeouts_left:
            yield replace(world, unknown=True, timeouts_left=world.timeouts_left - 1)
    if payment.operation is not None and world.unknown:
        yield recorded(world)
    if payment.operation is None and payment.state is PaymentState.WAITING and world.provider.status == "authorized":
        yield recorded(world)  # a webhook, or the sweep's look


# --- people and accidents ---


def choices(world: World) -> Iterator[World]:
    payment = world.payment
    if payment is not None and world.attempts_left and payment.operation is None and payment.queued is None:
        may_pay = payment.state in {PaymentState.CREATED, PaymentState.WAITING} and payment.due_minor
        if may_pay:
            yield replace(world, payment=replace(payment, queued="next"), attempts_left=world.attempts_left - 1)
    if world.provider.status == "requires_action":  # the shopper completes the redirect
        yield replace(world, provider=replace(world.provider, status="authorized"))
    try:
        step = lifecycle.cancel(world.order, reason="buyer")
        said = names(step.events, "order")
        yield replace(world, order=replace(step.order, version=0), order_events=world.order_events + said)
    except lifecycle.IllegalTransition:
        pass
    if world.order.state is OrderState.PAID:
        shipment = {"shipment_id": "s", "lines": [], "carrier": "", "tracking_number": ""}
        step = lifecycle.ship(world.order, nothing_left=True, **shipment)
        said = names(step.events, "order")
        yield replace(world, order=replace(step.order, version=0), order_events=world.order_events + said)
    asked = world.order_events.count("refund_requested")
    if world.order.state is OrderState.SHIPPED and asked < TOTAL:
        yield replace(world, order_events=(*world.order_events, "refund_requested"))
    if world.hold.state is reservations.State.HELD and world.backstop_left:
        yield replace(hold_takes(world, reservations.Fact.BACKSTOP), backstop_left=0)


# --- what must hold ---


def violations(world: World, *, is_settled: bool) -> Iterator[str]:
    provider, payment, state = world.provider, world.payment, world.order.state
    back = sum(row.amount_minor for row in payment.refunds if row.id in provider.refunds) if payment else 0
    if provider.captures > 1:
        yield "captured twice"
    if provider.captures and "confirmed" not in world.order_events:
        yield "captured before the order was confirmed"
    if len(set(provider.refunds)) < len(provider.refunds) or back > TOTAL * provider.captures:
        yield "refunded twice, or more than was captured"
    if not is_settled:
        return
    net = (TOTAL if provider.captures else 0) - back
    closed = state in lifecycle.CLOSED
    if closed and (net or provider.status in {"authorized", "requires_action"}):
        yield f"a closed order keeps money: net {net}, {provider.status}"
    if closed and world.hold.state in {reservations.State.HELD, reservations.State.COMMITTED}:
        yield "a closed order keeps stock"
    if state is OrderState.PAID and (net != TOTAL or world.hold.state is not reservations.State.COMMITTED):
        yield f"a paid order has net {net} and stock {world.hold.state}"
    asked = world.order_events.count("refund_requested")
    if state is OrderState.SHIPPED and (net != TOTAL - asked or world.hold.state is not reservations.State.FULFILLED):
        yield f"a shipped order has net {net} of {TOTAL - asked} and stock {world.hold.state}"
    if not closed and state not in {OrderState.PAID, OrderState.SHIPPED}:
        yield f"stuck in {state}"
    if payment and (payment.operation or payment.state is PaymentState.SENT):
        yield "payments stopped half way"
    if payment and world.payment_events.count("refunded") != len(payment.refunds):
        yield "a refund was not answered"


def duties(world: World) -> Iterator[World]:
    yield from orders_duties(world)
    yield from catalog_duties(world)
    yield from payments_duties(world)


def explore() -> Explored:
    return explore_from(World(), duties, choices, violations)
