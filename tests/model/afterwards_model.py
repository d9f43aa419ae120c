"""What can become of a paid order of two units, in every interleaving, decided by the services' own domain functions.

`services_model.py` ends where an order is paid and shipped whole. Here it ships in parts, its rest is cancelled, goods
are written off, one unit comes back, staff give money back besides, refunds fail and are sent again, answers are lost,
and the buyer's bank contests the charge. Only topics, the provider, people and accidents are modelled; the glue between
an event and a decision follows the use cases named at each function.
Run: make model
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from catalog.domain import reservations
from orders.domain import lifecycle, refunds, returns
from orders.domain.lifecycle import Fact, OrderFacts
from orders.domain.lifecycle import State as OrderState
from orders.domain.refunds import Charged, ChargedLine
from orders.domain.returns import ReturnFact, ReturnState
from payments.domain import settlement
from payments.domain.facts import Kind, PaymentFacts, RefundFacts, Seen, SeenDispute
from payments.domain.settlement import State as PaymentState

from tests.model.exploring import Explored, explore_from

AT = datetime(2026, 1, 1, tzinfo=UTC)
UNITS = 2
LINE = ChargedLine(1, UNITS, goods=5, freight=1, duty=0, tax=1)  # an odd amount: the last unit takes the remainder
TOTAL = 7
PAID = OrderFacts(
    "o", "CB-0", None, OrderState.PAID, 0, "p", TOTAL, "EUR", AT, stock_committed=True, payment_captured=True
)
PROMISED = reservations.ReservationFacts(
    "o", "CB-0", None, (reservations.Line(1, "A", "W", UNITS),), reservations.State.COMMITTED
)
CAPTURED = PaymentFacts(PaymentState.CAPTURED, TOTAL, "EUR", confirmed=True)
Event = tuple  # (name, further fields)


@dataclass(frozen=True)
class Lines:
    """The one line's units as orders counts them, and the order's money."""

    shipped: int = 0
    cancelled: int = 0
    refunded: int = 0
    given_back: int = 0
    returned: ReturnState | None = None
    return_refund: str = ""
    lost: int = 0  # to a dispute, as far as orders has heard

    @property
    def unshipped(self) -> int:
        return UNITS - self.shipped - self.cancelled

    @property
    def refundable(self) -> int:
        return self.shipped + self.cancelled - self.refunded


@dataclass(frozen=True)
class Provider:
    """The truth about money after the capture: refunds executed or refused by reference, and the bank's dispute."""

    refunds: tuple[tuple[str, str], ...] = ()
    amounts: tuple[tuple[str, int], ...] = ()
    dispute: SeenDispute | None = None

    @property
    def back(self) -> int:
        amounts = dict(self.amounts)
        return sum(amounts[reference] for reference, state in self.refunds if state == "succeeded")

    @property
    def lost(self) -> int:
        return self.dispute.amount_minor if self.dispute and self.dispute.state == "lost" else 0

    def seen(self) -> Seen:
        disputes = (self.dispute,) if self.dispute else ()
        return Seen("captured", TOTAL, "EUR", AT, refunds=dict(self.refunds), disputes=disputes)


@dataclass(frozen=True)
class Accidents:
    """How often each may still happen."""

    goodwill: int = 0
    refusals: int = 0
    retries: int = 0
    timeouts: int = 0
    disputes: int = 0
    losses: int = 0
    returns: int = 0


@dataclass(frozen=True)
class World:
    left: Accidents
    order_events: tuple[Event, ...] = ()
    stock_events: tuple[Event, ...] = ()
    payment_events: tuple[Event, ...] = ()
    c_order: int = 0
    p_order: int = 0
    o_stock: int = 0
    o_payment: int = 0
    order: OrderFacts = PAID
    lines: Lines = Lines()
    asked: tuple[tuple[str, str], ...] = ()  # orders' refunds: id -> requested, succeeded, failed
    hold: reservations.ReservationFacts = PROMISED
    on_hand: int = UNITS
    committed: int = UNITS
    discrepancies: int = 0
    payment: PaymentFacts = CAPTURED
    sending: str = ""  # the refund that the open operation sends
    unknown: bool = False
    provider: Provider = Provider()


# --- orders ---


def ask_back(world: World, units: int, *, parts: tuple[str, ...] = refunds.PARTS) -> World:
    """use_cases.refunds.ask_back"""
    charged = Charged(TOTAL, world.lines.given_back + world.lines.lost)
    line = replace(LINE, refunded=world.lines.refunded)
    back = refunds.by_line([line], {1: units}, charged=charged, parts=parts)
    lines = replace(world.lines, refunded=world.lines.refunded + units)
    return ask(replace(world, lines=lines), back.minor)


def ask(world: World, minor: int) -> World:
    if not minor:
        return world
    name = f"r{len(world.asked)}"
    lines = replace(world.lines, given_back=world.lines.given_back + minor)
    told = (*world.order_events, ("refund_requested", name, minor))
    return replace(world, lines=lines, order_events=told, asked=(*world.asked, (name, "requested")))


def take(world: World, step: lifecycle.Step, *told: Event) -> World:
    return replace(world, order=replace(step.order, version=0), order_events=world.order_events + told)


def ship(world: World, units: int) -> World:
    """use_cases.fulfilment.ship_lines; raises IllegalTransition."""
    shipment = {"shipment_id": "s", "lines": [], "carrier": "", "tracking_number": ""}
    step = lifecycle.ship(world.order, nothing_left=units == world.lines.unshipped, **shipment)
    lines = replace(world.lines, shipped=world.lines.shipped + units)
    return take(replace(world, lines=lines), step, ("shipped", units))


def cancel_units(world: World, units: int) -> World:
    """use_cases.fulfilment._cancel; raises IllegalTransition."""
    left = world.lines.unshipped - units
    steps = lifecycle.cancel_lines(world.order, nothing_left=not left, underway=True, lines=[])
    lines = replace(world.lines, cancelled=world.lines.cancelled + units)
    return ask_back(take(replace(world, lines=lines), steps[-1], ("lines_cancelled", units)), units)


def orders_hear_stock(world: World) -> World:
    """use_cases.fulfilment.lose_stock"""
    name, units = world.stock_events[world.o_stock]
    world = replace(world, o_stock=world.o_stock + 1)
    if name != "commit_failed":
        return world
    step = lifecycle.decide(world.order, Fact.STOCK_COMMIT_FAILED, reason="stock_lost")
    if step is not None:
        return take(world, step, ("cancelled",))
    gone = min(units, world.lines.unshipped)
    if world.order.state is OrderState.PARTIALLY_SHIPPED and gone:
        return cancel_units(world, gone)
    return world


def orders_hear_payment(world: World) -> World:
    """use_cases.refunds.record_answer, use_cases.disputes.record_dispute"""
    name, *fields = world.payment_events[world.o_payment]
    world = replace(world, o_payment=world.o_payment + 1)
    if name in {"disputed", "dispute_closed"}:
        lost = TOTAL - world.lines.given_back if fields[0] == "lost" else 0
        held = replace(world.order, held=name == "disputed")
        return replace(world, order=held, lines=replace(world.lines, lost=lost))
    refund_id = fields[0]
    if refund_id is None:
        return world
    state = {"refunded": "succeeded", "refund_failed": "failed"}[name]
    asked = tuple((id, now if id != refund_id or now == "succeeded" else state) for id, now in world.asked)
    lines = world.lines
    if state == "succeeded" and lines.return_refund == refund_id:
        step = returns.decide(lines.returned, ReturnFact.REFUNDED)
        lines = replace(lines, returned=step[0] if step else lines.returned)
    return replace(world, asked=asked, lines=lines)


# --- catalog ---


def catalog_hears(world: World) -> World:
    name, *fields = world.order_events[world.c_order]
    world = replace(world, c_order=world.c_order + 1)
    if name == "shipped":
        step, missing = reservations.ship(world.hold, {1: fields[0]})
        return moved(replace(world, discrepancies=world.discrepancies + sum(missing.values())), step)
    if name == "lines_cancelled":
        return moved(world, reservations.cancel_lines(world.hold, {1: fields[0]}))
    if name == "cancelled":
        return moved(world, reservations.decide(world.hold, reservations.Fact.CLOSED, reason="model"))
    if name == "return_received":
        return replace(world, on_hand=world.on_hand + fields[0])
    return world


def moved(world: World, step: reservations.Step | None) -> World:
    if step is None:
        return world
    told = tuple(
        (event.type.split(".")[2], sum(line["quantity"] for line in event.data["lines"])) for event in step.events
    )
    on_hand = world.on_hand + sum(move.on_hand for move in step.moves)
    committed = world.committed + sum(move.committed for move in step.moves)
    hold = replace(step.reservation, version=0)
    return replace(world, hold=hold, on_hand=on_hand, committed=committed, stock_events=world.stock_events + told)


def write_off(world: World) -> World:
    """use_cases.stock: one unit is gone, by force; what is promised loses first."""
    lost = replace(world, left=replace(world.left, losses=world.left.losses - 1), on_hand=world.on_hand - 1)
    if lost.on_hand >= lost.committed:
        return lost
    return moved(lost, reservations.write_off(world.hold, sku="A", warehouse="W", units=1))


# --- payments ---


def payments_hear(world: World) -> World:
    name, *fields = world.order_events[world.p_order]
    world, payment = replace(world, p_order=world.p_order + 1), world.payment
    if name == "cancelled":
        return replace(world, payment=replace(payment, closed=True))
    if name != "refund_requested":
        return world
    row = RefundFacts(fields[0], fields[1], "requested", asked_by_order=True)
    return replace(world, payment=counted(replace(payment, refunds=(*payment.refunds, row))))


def counted(payment: PaymentFacts) -> PaymentFacts:
    """models.Payment.facts: what orders asked back and was not refused."""
    asked = sum(row.amount_minor for row in payment.refunds if row.asked_by_order and row.state != "refused")
    return replace(payment, asked_back=asked)


def changed(payment: PaymentFacts, refund_id: str, **fields) -> PaymentFacts:
    rows = tuple(replace(row, **fields) if row.id == refund_id else row for row in payment.refunds)
    return counted(replace(payment, refunds=rows))


def settled(world: World) -> World | None:
    """One step of use_cases.payments.advance."""
    payment = world.payment
    action = settlement.settle(payment)
    if action is None:
        return None
    if action.refuse is not None:
        told = (*world.payment_events, ("refund_failed", action.refuse))
        return replace(world, payment=changed(payment, action.refuse, state="refused"), payment_events=told)
    if action.own_refund_minor:
        own = RefundFacts(f"own{len(payment.refunds)}", action.own_refund_minor, "requested", asked_by_order=False)
        return replace(world, payment=replace(payment, refunds=(*payment.refunds, own)))
    assert action.kind is Kind.REFUND, action
    row = next(row for row in payment.refunds if row.id == action.refund)
    reference = f"{row.id}:{len(row.sent) + 1}"
    after = changed(payment, row.id, sent=(*row.sent, reference), sending=reference)
    return replace(world, payment=replace(after, operation=Kind.REFUND), sending=row.id)


def performed(world: World) -> Iterator[World]:
    """What the provider may make of the refund that is sent; while it is contested it refuses."""
    row = next(row for row in world.payment.refunds if row.id == world.sending)
    provider = replace(world.provider, amounts=(*world.provider.amounts, (row.sending, row.amount_minor)))
    contested = provider.dispute is not None and provider.dispute.state != "won"
    if not contested:
        yield replace(world, provider=replace(provider, refunds=(*provider.refunds, (row.sending, "succeeded"))))
    if contested or world.left.refusals:
        left = replace(world.left, refusals=world.left.refusals - (not contested))
        refused = replace(provider, refunds=(*provider.refunds, (row.sending, "failed")))
        yield replace(world, provider=refused, left=left)


def recorded(world: World) -> World:
    """use_cases.operations.record: write down what is seen, and close the operation."""
    seen = world.provider.seen()
    observed = settlement.observe(world.payment, seen, current=True)
    rows = tuple(replace(row, sending="") for row in observed.payment.refunds)
    payment = counted(replace(observed.payment, operation=None, refunds=rows))
    told = tuple(_told(said) for said in observed.said)
    return replace(world, payment=payment, sending="", unknown=False, payment_events=world.payment_events + told)


def _told(said) -> Event:
    return (said.name, said.data["outcome"] if said.name.startswith("dispute") else said.data["refund_id"])


# --- who must, and who may ---


def duties(world: World) -> Iterator[World]:
    if world.o_stock < len(world.stock_events):
        yield orders_hear_stock(world)
    if world.o_payment < len(world.payment_events):
        yield orders_hear_payment(world)
    if world.c_order < len(world.order_events):
        yield catalog_hears(world)
    if world.p_order < len(world.order_events):
        yield payments_hear(world)
    if (after := settled(world)) is not None:
        yield after
    if world.payment.operation is not None and not world.unknown:
        lost = replace(world.left, timeouts=world.left.timeouts - 1)
        for done in performed(world):
            yield recorded(done)
            if world.left.timeouts:
                yield replace(done, unknown=True, left=replace(done.left, timeouts=world.left.timeouts - 1))
        if world.left.timeouts:
            yield replace(world, unknown=True, left=lost)
    if world.payment.operation is not None and world.unknown:
        yield recorded(world)
    known = dict(world.payment.disputes)
    dispute = world.provider.dispute
    if world.payment.operation is None and dispute and known.get(dispute.id) != dispute.state:
        yield recorded(world)  # a webhook, or the sweep's look


def choices(world: World) -> Iterator[World]:
    for act in (_ship_one, _ship_all, _cancel, _cancel_rest, _arrive):
        try:
            if (after := act(world)) is not None:
                yield after
        except (lifecycle.IllegalTransition, refunds.NotRefundable):
            pass
    yield from _returns(world)
    yield from _money(world)
    if world.left.losses and world.on_hand:
        yield write_off(world)


def _ship_one(world: World) -> World | None:
    return ship(world, 1) if world.lines.unshipped else None


def _ship_all(world: World) -> World | None:
    return ship(world, UNITS) if world.lines.unshipped == UNITS else None


def _cancel(world: World) -> World:
    return take(world, lifecycle.cancel(world.order, reason="buyer"), ("cancelled",))


def _cancel_rest(world: World) -> World | None:
    return cancel_units(world, world.lines.unshipped) if world.lines.unshipped else None


def _arrive(world: World) -> World | None:
    step = lifecycle.decide(world.order, Fact.ALL_DELIVERED, shipment_id="s")
    return take(world, step, ("delivered",)) if step else None


def _returns(world: World) -> Iterator[World]:
    """use_cases.returns: one unit is sent back."""
    lines = world.lines
    if world.left.returns and lines.returned is None and lines.shipped and world.order.state not in lifecycle.CLOSED:
        asked = replace(lines, returned=ReturnState.REQUESTED)
        yield replace(world, lines=asked, left=replace(world.left, returns=0))
    for fact in (ReturnFact.APPROVED, ReturnFact.REJECTED, ReturnFact.RECEIVED):
        step = returns.decide(lines.returned, fact) if lines.returned else None
        if step is None:
            continue
        after = replace(world, lines=replace(lines, returned=step[0]))
        if fact is ReturnFact.RECEIVED:
            after = replace(after, order_events=(*after.order_events, ("return_received", 1)))
            units, before = min(1, lines.refundable), len(after.asked)
            after = ask_back(after, units, parts=("goods", "tax"))
            if len(after.asked) > before:
                after = replace(after, lines=replace(after.lines, return_refund=after.asked[-1][0]))
            else:
                after = replace(after, lines=replace(after.lines, returned=ReturnState.REFUNDED))
        yield after


def _money(world: World) -> Iterator[World]:
    left = world.left
    refundable = world.order.state not in lifecycle.CLOSED and not world.order.held
    if left.goodwill and refundable and Charged(TOTAL, world.lines.given_back + world.lines.lost).left:
        yield ask(replace(world, left=replace(left, goodwill=left.goodwill - 1)), 1)
    for row in world.payment.refunds:
        if row.state == "failed" and left.retries:
            again = replace(left, retries=left.retries - 1)
            yield replace(world, payment=changed(world.payment, row.id, state="requested"), left=again)
    provider = world.provider
    if left.disputes and provider.dispute is None and provider.back < TOTAL:
        contested = replace(provider, dispute=SeenDispute("d", TOTAL - provider.back, "fraud", None, "open"))
        yield replace(world, provider=contested, left=replace(left, disputes=left.disputes - 1))
    if provider.dispute and provider.dispute.state == "open":
        for outcome in ("won", "lost"):
            yield replace(world, provider=replace(provider, dispute=replace(provider.dispute, state=outcome)))


# --- what must hold ---


def violations(world: World, *, is_settled: bool) -> Iterator[str]:
    provider, lines, hold = world.provider, world.lines, world.hold
    line = hold.lines[0]
    if provider.back + provider.lost > TOTAL:
        yield f"{provider.back} went back and {provider.lost} was lost of {TOTAL}"
    done = [reference.partition(":")[0] for reference, state in provider.refunds if state == "succeeded"]
    if len(done) > len(set(done)):
        yield "a refund went back twice"
    if lines.shipped + lines.cancelled > UNITS or lines.refunded > lines.shipped + lines.cancelled:
        yield f"units do not add up: {lines}"
    if lines.given_back > TOTAL:
        yield "more was asked back than was charged"
    if world.on_hand < world.committed or world.committed < 0 or world.on_hand < 0:
        yield f"stock: {world.on_hand} on hand, {world.committed} promised"
    if line.open < 0 or line.fulfilled > UNITS or world.committed != (line.open if _is_promised(hold) else 0):
        yield f"the reservation and the stock differ: {line}, {world.committed}"
    if is_settled:
        yield from _unsettled(world)


def _unsettled(world: World) -> Iterator[str]:
    provider, lines, payment = world.provider, world.lines, world.payment
    state, line = world.order.state, world.hold.lines[0]
    contested = provider.dispute is not None and provider.dispute.state == "open"
    if payment.operation is not None:
        yield "payments stopped half way"
    if payment.disputed != contested or world.order.held != contested:
        yield "the dispute is not known"
    net = TOTAL - provider.back - provider.lost
    due = max(0, payment.due_minor if payment.closed else payment.due_minor - provider.lost)
    waits = sum(row.amount_minor for row in payment.refunds if row.state == "failed")  # for a person
    least = due if provider.lost else due + waits  # of what was lost to the bank nothing can go back
    if not contested and not least <= net <= due + waits:
        yield f"captured less what went back is {net}, due is {due}, {waits} waits for a person"
    if not contested and any(row.state == "requested" for row in payment.refunds):
        yield "a refund was neither sent nor refused"
    ours = {row.id: "failed" if row.state == "refused" else row.state for row in payment.refunds if row.asked_by_order}
    if ours != dict(world.asked) and not any(row.state == "requested" for row in payment.refunds):
        yield f"orders shows {dict(world.asked)}, payments has {ours}"
    if state in lifecycle.CLOSED and (lines.shipped or line.open):
        yield f"a closed order: {lines}, {line}"
    waits_to_ship = state in {OrderState.PAID, OrderState.PARTIALLY_SHIPPED}
    if waits_to_ship and line.open != lines.unshipped and not world.discrepancies:
        yield f"{lines.unshipped} are to be shipped, catalog promises {line.open}"
    if state in {OrderState.SHIPPED, OrderState.DELIVERED} and lines.unshipped:
        yield "shipped, and something is left"
    if state in {OrderState.SHIPPED, OrderState.DELIVERED} and line.open and not world.discrepancies:
        yield f"shipped, and catalog still holds {line}"
    if lines.returned is ReturnState.RECEIVED and dict(world.asked).get(lines.return_refund) == "succeeded":
        yield "a return whose money went back is not refunded"


def _is_promised(hold: reservations.ReservationFacts) -> bool:
    return hold.state is reservations.State.COMMITTED


STORIES = {
    "shipped in parts, a rest cancelled, a unit back, two refunds, one of them failing": Accidents(
        goodwill=1, refusals=1, retries=1, returns=1
    ),
    "the same with answers lost": Accidents(goodwill=1, timeouts=1, refusals=1, returns=1),
    "goods written off while it ships": Accidents(losses=2, timeouts=1, returns=1),
    "contested while money goes back": Accidents(goodwill=1, disputes=1, retries=1, timeouts=1),
    "contested while goods are lost or come back": Accidents(disputes=1, losses=1, returns=1),
}


def explore(accidents: Accidents) -> Explored:
    """Every interleaving of one of the stories."""
    return explore_from(World(accidents), duties, choices, violations)
