"""The reservation's state machine: one table from (state, fact) to the next state, the moves of stock, and the words.

Pure: nothing here reads a clock, a database or a setting. `decide` is total: a pair the table does not have changes
nothing, which is what makes late, repeated and reordered events harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class State(StrEnum):
    NEW = "new"  # asked for, not answered: never stored
    HELD = "held"
    COMMITTED = "committed"
    FULFILLED = "fulfilled"
    RELEASED = "released"
    REJECTED = "rejected"


class Fact(StrEnum):
    """What can happen to a reservation; SHORT: the step that the fact asks for found too little stock."""

    PLACED = "order placed"
    PLACED_SHORT = "order placed, too little stock"
    CONFIRMED = "order confirmed"
    CONFIRMED_SHORT = "order confirmed, stock gone"
    CLOSED = "order closed"
    BACKSTOP = "held too long"
    PART_SHIPPED = "a part shipped"
    REST_SHIPPED = "nothing unshipped is left"
    PART_CANCELLED = "a part cancelled"
    REST_CANCELLED = "the unshipped rest cancelled"


@dataclass(frozen=True)
class DomainEvent:
    """What `publish` takes; `sequence` is the reservation's version after the step."""

    type: str
    key: str
    subject: str
    sequence: int
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """Units of a SKU in a warehouse; `open` ones are neither shipped nor given back."""

    line_id: int
    sku: str
    warehouse: str
    quantity: int
    fulfilled: int = 0
    released: int = 0

    @property
    def open(self) -> int:
        return self.quantity - self.fulfilled - self.released


@dataclass(frozen=True)
class ReservationFacts:
    """A reservation as far as its decisions need it."""

    order_id: str
    order_number: str
    user_id: str | None
    lines: tuple[Line, ...]
    state: State = State.NEW
    version: int = 0


@dataclass(frozen=True, order=True)
class Move:
    """What changes in one row of stock, in units; the order of moves is the order in which rows are locked."""

    sku: str
    warehouse: str
    on_hand: int = 0
    held: int = 0
    committed: int = 0

    @property
    def takes(self) -> int:
        """How much less is available afterwards; the row must have that much."""
        return self.held + self.committed - self.on_hand


@dataclass(frozen=True)
class Step:
    """The reservation after a fact, what moves in stock (one move a row, in key order), and what is said."""

    reservation: ReservationFacts
    fact: Fact
    moves: tuple[Move, ...] = ()
    events: tuple[DomainEvent, ...] = ()


Quantities = Mapping[int, int]
Effect = Callable[[Line, int], tuple[Line, Move]]
Says = Callable[[Quantities, ReservationFacts, Mapping[str, Any]], tuple[str, dict[str, Any]]]


def holds(line: Line, units: int) -> tuple[Line, Move]:
    return line, Move(line.sku, line.warehouse, held=units)


def commits(line: Line, units: int) -> tuple[Line, Move]:
    return line, Move(line.sku, line.warehouse, held=-units, committed=units)


def takes_again(line: Line, units: int) -> tuple[Line, Move]:
    return replace(line, released=line.released - units), Move(line.sku, line.warehouse, committed=units)


def frees_held(line: Line, units: int) -> tuple[Line, Move]:
    return replace(line, released=line.released + units), Move(line.sku, line.warehouse, held=-units)


def frees_committed(line: Line, units: int) -> tuple[Line, Move]:
    return replace(line, released=line.released + units), Move(line.sku, line.warehouse, committed=-units)


def ships(line: Line, units: int) -> tuple[Line, Move]:
    return replace(line, fulfilled=line.fulfilled + units), Move(
        line.sku, line.warehouse, on_hand=-units, committed=-units
    )


def is_reserved(units: Quantities, reservation: ReservationFacts, detail: Mapping[str, Any]) -> tuple[str, dict]:
    return "reserved", {"lines": _lines(units, reservation)}


def is_rejected(units: Quantities, reservation: ReservationFacts, detail: Mapping[str, Any]) -> tuple[str, dict]:
    return "rejected", {"lines": detail["shortages"]}


def is_committed(units: Quantities, reservation: ReservationFacts, detail: Mapping[str, Any]) -> tuple[str, dict]:
    return "committed", {"lines": _lines(units, reservation)}


def is_gone(units: Quantities, reservation: ReservationFacts, detail: Mapping[str, Any]) -> tuple[str, dict]:
    return "commit_failed", {"lines": _lines(units, reservation), "reason": "gone"}


def is_released(units: Quantities, reservation: ReservationFacts, detail: Mapping[str, Any]) -> tuple[str, dict]:
    return "released", {"lines": _lines(units, reservation), "reason": detail["reason"]}


S, F = State, Fact
TRANSITIONS: dict[tuple[State, Fact], tuple[State, Effect | None, Says | None]] = {
    (S.NEW, F.PLACED): (S.HELD, holds, is_reserved),
    (S.NEW, F.PLACED_SHORT): (S.REJECTED, None, is_rejected),
    (S.HELD, F.CONFIRMED): (S.COMMITTED, commits, is_committed),
    (S.HELD, F.CLOSED): (S.RELEASED, frees_held, is_released),
    (S.HELD, F.BACKSTOP): (S.RELEASED, frees_held, is_released),
    (S.RELEASED, F.CONFIRMED): (S.COMMITTED, takes_again, is_committed),
    (S.RELEASED, F.CONFIRMED_SHORT): (S.RELEASED, None, is_gone),
    (S.COMMITTED, F.CLOSED): (S.RELEASED, frees_committed, is_released),
    (S.COMMITTED, F.PART_SHIPPED): (S.COMMITTED, ships, None),
    (S.COMMITTED, F.REST_SHIPPED): (S.FULFILLED, ships, None),
    (S.COMMITTED, F.PART_CANCELLED): (S.COMMITTED, frees_committed, is_released),
    (S.COMMITTED, F.REST_CANCELLED): (S.FULFILLED, frees_committed, is_released),
}
SHORT = {F.PLACED: F.PLACED_SHORT, F.CONFIRMED: F.CONFIRMED_SHORT}
ANSWERS: dict[State, tuple[State, Fact]] = {  # the step whose words are said again when somebody asks again
    S.HELD: (S.NEW, F.PLACED),
    S.REJECTED: (S.NEW, F.PLACED_SHORT),
    S.COMMITTED: (S.HELD, F.CONFIRMED),
    S.FULFILLED: (S.HELD, F.CONFIRMED),
}


def decide(reservation: ReservationFacts, fact: Fact, units: Quantities | None = None, **detail: Any) -> Step | None:
    """What a fact makes of a reservation; None when it makes nothing of it.

    `units` says how many of which line (by line_id), for what concerns a part; otherwise all that can be concerned. The
    moves of PLACED and CONFIRMED may find too little stock: then nothing moves and `SHORT[fact]` is decided instead.
    """
    if (reservation.state, fact) not in TRANSITIONS:
        return None
    state, effect, says = TRANSITIONS[reservation.state, fact]
    units = units if units is not None else _concerned(reservation)
    lines, moves = _applied(reservation.lines, effect, units)
    after = replace(reservation, state=state, version=reservation.version + 1, lines=lines)
    events = (_event(after, *says(units, reservation, detail)),) if says else ()
    return Step(after, fact, moves, events)


def repeat(reservation: ReservationFacts, **detail: Any) -> DomainEvent | None:
    """The answer that stands, to be said again; None where the last word was a release, which answers no question."""
    if reservation.state not in ANSWERS:
        return None
    says = TRANSITIONS[ANSWERS[reservation.state]][2]
    if says is None:
        return None
    asked = {line.line_id: line.quantity for line in reservation.lines}
    return _event(reservation, *says(asked, reservation, detail))


def ship(reservation: ReservationFacts, shipped: Quantities) -> tuple[Step | None, dict[int, int]]:
    """A shipment, as far as goods were committed to it, and by line how many units were not (a person must look)."""
    return _part(reservation, shipped, Fact.PART_SHIPPED, Fact.REST_SHIPPED)


def cancel_lines(reservation: ReservationFacts, cancelled: Quantities) -> Step | None:
    """Units that will not ship are for sale again; what is not open changes nothing."""
    return _part(reservation, cancelled, Fact.PART_CANCELLED, Fact.REST_CANCELLED, reason="lines_cancelled")[0]


def _part(
    reservation: ReservationFacts, asked: Quantities, part: Fact, rest: Fact, **detail: Any
) -> tuple[Step | None, dict[int, int]]:
    promised = reservation.state is State.COMMITTED
    open_units = {line.line_id: line.open for line in reservation.lines} if promised else {}
    units = {line_id: min(quantity, open_units.get(line_id, 0)) for line_id, quantity in asked.items()}
    missing = {line_id: quantity - units[line_id] for line_id, quantity in asked.items() if quantity > units[line_id]}
    units = {line_id: quantity for line_id, quantity in units.items() if quantity}
    left = sum(open_units.values()) - sum(units.values())
    return (decide(reservation, part if left else rest, units, **detail) if units else None), missing


def _concerned(reservation: ReservationFacts) -> Quantities:
    """All open units; of a released reservation those that were given back."""
    again = reservation.state is State.RELEASED
    units = {line.line_id: line.released if again else line.open for line in reservation.lines}
    return {line_id: quantity for line_id, quantity in units.items() if quantity}


def _applied(
    lines: tuple[Line, ...], effect: Effect | None, units: Quantities
) -> tuple[tuple[Line, ...], tuple[Move, ...]]:
    if effect is None:
        return lines, ()
    pairs = [effect(line, units[line.line_id]) if line.line_id in units else (line, None) for line in lines]
    return tuple(line for line, _ in pairs), summed([move for _, move in pairs if move])


def summed(moves: list[Move]) -> tuple[Move, ...]:
    """One move for each row of stock, in key order."""
    rows: dict[tuple[str, str], Move] = {}
    for move in moves:
        where = move.sku, move.warehouse
        row = rows.get(where, Move(*where))
        rows[where] = Move(*where, row.on_hand + move.on_hand, row.held + move.held, row.committed + move.committed)
    return tuple(rows[where] for where in sorted(rows))


def _lines(units: Quantities, reservation: ReservationFacts) -> list[dict[str, Any]]:
    return [
        {"line_id": line.line_id, "sku": line.sku, "quantity": units[line.line_id], "warehouse": line.warehouse}
        for line in reservation.lines
        if units.get(line.line_id)
    ]


def _event(reservation: ReservationFacts, name: str, data: dict[str, Any]) -> DomainEvent:
    order_id = reservation.order_id
    reference = {"order_id": order_id, "order_number": reservation.order_number, "user_id": reservation.user_id}
    return DomainEvent(
        f"crossborder.stock.{name}.v1", order_id, f"reservation/{order_id}", reservation.version, {**reference, **data}
    )
