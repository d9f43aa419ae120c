"""The saga of one order, explored in every interleaving.

Three services (orders O, catalog C, payments P), a payment provider, people, clocks. Each service reads the others' events
from append-only topics at its own pace. What people may do, they may do at any moment or never; what the system owes, it
does in any order. The invariants at the bottom must hold whenever it owes nothing more.
Run: python saga_model.py  (some seconds). It models the protocol of saga.md, not its code.
"""

# fmt: off
# ruff: noqa: E501, RUF005, B905, UP035  (saga_mutations.py finds the rules by their exact text)
from __future__ import annotations

import sys
from collections import deque
from typing import Iterator, NamedTuple

TOTAL = 2  # what the order costs, in units small enough to refund in two halves
CLOSED = {"rejected", "expired", "cancelled"}


class World(NamedTuple):
    # topics: append-only, one writer each
    order_events: tuple = ("order.placed",)
    stock_events: tuple = ()
    payment_events: tuple = ()
    # offsets of the readers
    c_order: int = 0
    p_order: int = 0
    o_stock: int = 0
    o_payment: int = 0
    # orders
    order: str = "pending_stock"
    committed_seen: bool = False
    captured_seen: bool = False
    refunds_asked: int = 0
    # catalog
    hold: str = "none"  # none | held | committed | fulfilled | released | rejected
    # payments: what P believes
    due: int = 0
    may_capture: bool = False
    payment: str = "unopened"  # unopened | created | sent | waiting | authorized | captured | voided | failed
    operation: str = "none"  # none | cancel_attempt | capture | void | refund: committed before the provider is called
    unknown: bool = False  # no answer came to the attempt or the operation
    refund_rows: tuple = ()  # amounts, each answered by one payment.refunded
    refunds_done: int = 0  # rows answered so far, oldest first
    # the provider: the truth about money
    prov_waits: bool = False  # an attempt that the shopper may still complete
    prov_auth: bool = False
    prov_captured: int = 0
    prov_refunds: int = 0  # rows executed
    # budgets for accidents, so that the space is finite
    attempts_left: int = 2
    timeouts_left: int = 2
    capture_failures_left: int = 1
    backstop_left: int = 1
    lost_stock_left: int = 1
    captures_ever: int = 0


def emit(world: World, topic: str, event: str, **changes) -> World:
    return world._replace(**{topic: getattr(world, topic) + (event,)}, **changes)


# --- orders -----------------------------------------------------------------------------------------------------------

def close(world: World, state: str) -> World:
    return emit(world, "order_events", f"order.{state}", order=state)


def maybe_paid(world: World) -> World:
    if world.order == "confirmed" and world.committed_seen and world.captured_seen:
        return emit(world, "order_events", "order.paid", order="paid")
    return world


def orders_on(world: World, event: str) -> World:
    if event == "stock.reserved" and world.order == "pending_stock":
        return emit(world, "order_events", "order.payment_requested", order="awaiting_payment")
    if event == "stock.rejected" and world.order == "pending_stock":
        return close(world, "rejected")
    if event == "stock.committed":
        return maybe_paid(world._replace(committed_seen=True))
    if event == "stock.commit_failed" and world.order in {"confirmed", "paid"}:
        return close(world, "cancelled")
    if event == "payment.authorized" and world.order == "awaiting_payment":
        return emit(world, "order_events", "order.confirmed", order="confirmed")
    if event == "payment.captured":
        return maybe_paid(world._replace(captured_seen=True))
    if event == "payment.capture_failed" and world.order == "confirmed":
        return close(world, "cancelled")
    return world


def orders_steps(world: World) -> Iterator[World]:
    if world.o_stock < len(world.stock_events):
        yield orders_on(world, world.stock_events[world.o_stock])._replace(o_stock=world.o_stock + 1)
    if world.o_payment < len(world.payment_events):
        yield orders_on(world, world.payment_events[world.o_payment])._replace(o_payment=world.o_payment + 1)
    if world.order in {"pending_stock", "awaiting_payment"}:
        yield close(world, "expired")  # whenever the clock says so


# --- catalog ----------------------------------------------------------------------------------------------------------

def catalog_on(world: World, event: str) -> Iterator[World]:
    if event == "order.placed":
        yield emit(world, "stock_events", "stock.reserved", hold="held")
        yield emit(world, "stock_events", "stock.rejected", hold="rejected")
    elif event == "order.confirmed":
        if world.hold == "held":
            yield emit(world, "stock_events", "stock.committed", hold="committed")
        elif world.hold == "released":  # the backstop, or goods lost: take again if there are any
            yield emit(world, "stock_events", "stock.committed", hold="committed")
            yield emit(world, "stock_events", "stock.commit_failed")
    elif event in {"order.rejected", "order.expired", "order.cancelled"}:
        if world.hold in {"held", "committed"}:
            yield emit(world, "stock_events", "stock.released", hold="released")
        else:
            yield world
    elif event == "order.shipped":  # a fact about the world: taken as it is; if the hold was gone, a person is told
        yield world._replace(hold="fulfilled")
    else:
        yield world


def catalog_steps(world: World) -> Iterator[World]:
    if world.c_order < len(world.order_events):
        for after in catalog_on(world, world.order_events[world.c_order]):
            yield after._replace(c_order=world.c_order + 1)


# --- payments: level-triggered ----------------------------------------------------------------------------------------

def payments_on(world: World, event: str) -> World:
    if event == "order.payment_requested":
        return world._replace(payment="created", due=TOTAL)
    if event in {"order.rejected", "order.expired", "order.cancelled"}:
        return world._replace(due=0)
    if event == "order.confirmed":
        return world._replace(may_capture=True)
    if event == "order.refund_requested":
        return world._replace(due=world.due - 1, refund_rows=world.refund_rows + (1,))
    return world


def settle(world: World) -> World | None:
    """The one decision of payments: the next thing to do, from what is due and what is known."""
    if world.payment == "waiting" and world.due == 0:
        return world._replace(operation="cancel_attempt")
    if world.payment == "authorized" and world.due == 0:
        return world._replace(operation="void")
    if world.payment == "authorized" and world.may_capture:
        return world._replace(operation="capture")
    if world.payment == "captured":
        excess = TOTAL - sum(world.refund_rows) - world.due
        if excess > 0:  # money that no request accounts for: a row of our own
            return world._replace(refund_rows=world.refund_rows + (excess,))
        if world.refunds_done < len(world.refund_rows):
            return world._replace(operation="refund")
    return None


def perform(world: World) -> World:
    """The provider does what the operation asks."""
    if world.operation == "cancel_attempt":
        return world._replace(prov_waits=False)  # an attempt that was completed before stays authorised
    if world.operation == "void":
        return world._replace(prov_auth=False)
    if world.operation == "capture":
        return world._replace(prov_captured=TOTAL, prov_auth=False, captures_ever=world.captures_ever + 1)
    return world._replace(prov_refunds=world.prov_refunds + 1)


def record(world: World) -> World:
    """Read the provider's object and write down what it says."""
    done = world._replace(operation="none", unknown=False)
    if world.operation == "cancel_attempt":
        if world.prov_waits:
            return done
        return authorised(done) if world.prov_auth else emit(done, "payment_events", "payment.failed", payment="created")
    if world.operation == "void":
        return done if world.prov_auth else emit(done, "payment_events", "payment.voided", payment="voided")
    if world.operation == "capture":
        return emit(done, "payment_events", "payment.captured", payment="captured") if world.prov_captured else done
    if world.prov_refunds > world.refunds_done:
        return emit(done, "payment_events", "payment.refunded", refunds_done=world.refunds_done + 1)
    return done


def authorised(world: World) -> World:
    return emit(world, "payment_events", "payment.authorized", payment="authorized", unknown=False)


def declined(world: World) -> World:
    return emit(world, "payment_events", "payment.failed", payment="created", unknown=False)


def payments_steps(world: World) -> Iterator[World]:
    if world.p_order < len(world.order_events):
        yield payments_on(world, world.order_events[world.p_order])._replace(p_order=world.p_order + 1)
    if world.payment == "sent" and not world.unknown:
        yield authorised(world._replace(prov_auth=True))
        yield declined(world)
        yield world._replace(payment="waiting", prov_waits=True)  # the shopper must act at the provider
        if world.timeouts_left:  # no answer; the provider may have done it or not
            yield world._replace(unknown=True, prov_auth=True, timeouts_left=world.timeouts_left - 1)
            yield world._replace(unknown=True, timeouts_left=world.timeouts_left - 1)
    if world.payment == "sent" and world.unknown:  # ask; never guess, never send again first
        yield authorised(world) if world.prov_auth else declined(world)
    if world.payment == "waiting" and world.operation == "none" and world.prov_auth:  # a webhook, or the sweep's look
        yield authorised(world)
    if world.operation == "none" and (after := settle(world)) is not None:
        yield after
    if world.operation != "none" and not world.unknown:
        yield record(perform(world))
        if world.timeouts_left:
            yield perform(world)._replace(unknown=True, timeouts_left=world.timeouts_left - 1)
            yield world._replace(unknown=True, timeouts_left=world.timeouts_left - 1)
        if world.operation == "capture" and world.capture_failures_left:  # refused for good
            yield emit(world, "payment_events", "payment.capture_failed", payment="failed", operation="none",
                       prov_auth=False, capture_failures_left=0)
    if world.operation != "none" and world.unknown:
        yield record(world)


# --- people and accidents: at any moment, or never ---------------------------------------------------------------------

def choices(world: World) -> Iterator[World]:
    if world.payment == "created" and world.due and world.attempts_left:  # the shopper pays
        yield world._replace(payment="sent", attempts_left=world.attempts_left - 1)
    if world.payment == "waiting" and world.operation == "none" and world.due and world.attempts_left:
        yield world._replace(operation="cancel_attempt")  # another card: the old attempt is cancelled first
    if world.prov_waits:  # the shopper completes the redirect
        yield world._replace(prov_waits=False, prov_auth=True)
    if world.order in {"pending_stock", "awaiting_payment", "confirmed", "paid"}:
        yield close(world, "cancelled")
    if world.order == "paid":
        yield emit(world, "order_events", "order.shipped", order="shipped")
    if world.order == "shipped" and world.refunds_asked < TOTAL:
        yield emit(world, "order_events", "order.refund_requested", refunds_asked=world.refunds_asked + 1)
    if world.hold == "held" and world.backstop_left:
        yield emit(world, "stock_events", "stock.released", hold="released", backstop_left=world.backstop_left - 1)
    if world.hold == "committed" and world.lost_stock_left:  # goods written off by staff
        yield emit(world, "stock_events", "stock.commit_failed", hold="released", lost_stock_left=0)


# --- exploration ------------------------------------------------------------------------------------------------------

def duties(world: World) -> Iterator[World]:
    yield from orders_steps(world)
    yield from catalog_steps(world)
    yield from payments_steps(world)


def violations(world: World, settled: bool) -> Iterator[str]:
    refunded = sum(world.refund_rows[: world.prov_refunds])
    if world.captures_ever > 1:
        yield "captured twice"
    if world.prov_captured and "order.confirmed" not in world.order_events:
        yield "captured before the order was confirmed"
    if world.prov_refunds > len(world.refund_rows) or refunded > world.prov_captured:
        yield "refunded more than was asked or captured"
    if world.order == "shipped" and world.hold not in {"committed", "fulfilled", "released"}:
        yield "shipped without stock"
    if not settled:
        return
    net = world.prov_captured - refunded
    if world.order in CLOSED and (net or world.prov_auth or world.prov_waits):
        yield f"closed order keeps money: net {net}, authorised {world.prov_auth}, waiting {world.prov_waits}"
    if world.order in CLOSED and world.hold in {"held", "committed"}:
        yield "closed order keeps stock"
    if world.order in {"paid", "shipped"} and net != TOTAL - world.refunds_asked:
        yield f"paid order has net {net}, refunds asked {world.refunds_asked}"
    if world.payment_events.count("payment.refunded") != len(world.refund_rows):
        yield "a refund was not answered"
    if world.order == "shipped" and len(world.refund_rows) != world.refunds_asked:
        yield "refund requests and their answers do not match"
    if world.order == "paid" and world.hold != "committed":
        yield f"paid order's stock is {world.hold}"
    if world.order == "shipped" and world.hold != "fulfilled":
        yield f"shipped order's stock is {world.hold}"
    if world.order not in CLOSED | {"paid", "shipped"}:
        yield f"stuck in {world.order}"
    if world.operation != "none" or world.payment == "sent":
        yield "payments stopped half way"


def explore() -> int:
    start = World()
    came_from: dict[World, World | None] = {start: None}
    queue = deque([start])
    settled_states = 0
    while queue:
        world = queue.popleft()
        owed = [after for after in duties(world) if after != world]
        settled_states += not owed
        for problem in violations(world, settled=not owed):
            path = [world]
            while came_from[path[-1]] is not None:
                path.append(came_from[path[-1]])
            for before, after in zip(path[::-1], path[-2::-1]):
                print({name: value for name, value in after._asdict().items() if value != getattr(before, name)})
            print(f"VIOLATION: {problem}")
            return 1
        for after in [*owed, *choices(world)]:
            if after not in came_from:
                came_from[after] = world
                queue.append(after)
    print(f"{len(came_from)} states, {settled_states} of them settled, no violation")
    return 0


if __name__ == "__main__":
    sys.exit(explore())
