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
    WRITTEN_OFF = "held goods written off"
    PART_LOST = "a part of the committed goods written off"
    REST_LOST = "what had not shipped written off"
    ALL_LOST = "all committed goods written off"


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
    """Units of a SKU in a warehouse; `open` ones are neither shipped nor given back.

    `lost` ones were written off and told, so that the cancellation that orders answers with frees nothing else.
    """

    line_id: int
    sku: str
    warehouse: str
    quantity: int
    fulfilled: int = 0
    released: int = 0
    lost: int = 0

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
    return replace(line, released=line.released - units, lost=0), Move(line.sku, line.warehouse, committed=units)


def frees_held(line: Line, units: int) -> tuple[Line, Move]:
    return replace(line, released=line.released + units), Move(line.sku, line.warehouse, held=-units)


def frees_committed(line: Line, units: int) -> tuple[Line, Move]:
    return replace(line, released=line.released + units), Move(line.sku, line.warehouse, committed=-units)


def loses_committed(line: Line, units: int) -> tuple[Line, Move]:
    after = replace(line, released=line.released + units, lost=line.lost + units)
    return after, Move(line.sku, line.warehouse, committed=-units)


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


def is_lost(units: Quantities, reservation: ReservationFacts, detail: Mapping[str, Any]) -> tuple[str, dict]:
    return "commit_failed", {"lines": _lines(units, reservation), "reason": "written_off"}


def is_released(units: Quantities, reservation: ReservationFacts, detail: Mapping[str, Any]) -> tuple[str, dict]:
    return "released", {"lines": _lines(units, reservation), "reason": detail["reason"]}


S, F = State, Fact
TRANSITIONS: dict[tuple[State, Fact], tuple[State, Effect | None, Says | None]] = {
    (S.NEW, F.PLACED): (S.HELD, holds, is_reserved),
    (S.NEW, F.PLACED_SHORT): (S.REJECTED, None, is_rejected),
    (S.HELD, F.CONFIRMED): (S.COMMITTED, commits, is_committed),
    (S.HELD, F.CLOSED): (S.RELEASED, frees_held, is_released),
    (S.HELD, F.BACKSTOP): (S.RELEASED, frees_held, is_released),
    (S.HELD, F.WRITTEN_OFF): (S.RELEASED, frees_held, is_released),
    (S.RELEASED, F.CONFIRMED): (S.COMMITTED, takes_again, is_committed),
    (S.RELEASED, F.CONFIRMED_SHORT): (S.RELEASED, None, is_gone),
    (S.COMMITTED, F.CLOSED): (S.RELEASED, frees_committed, is_released),
    (S.COMMITTED, F.PART_SHIPPED): (S.COMMITTED, ships, None),
    (S.COMMITTED, F.REST_SHIPPED): (S.FULFILLED, ships, None),
    (S.COMMITTED, F.PART_CANCELLED): (S.COMMITTED, frees_committed, is_released),
    (S.COMMITTED, F.REST_CANCELLED): (S.FULFILLED, frees_committed, is_released),
    (S.COMMITTED, F.PART_LOST): (S.COMMITTED, loses_committed, is_lost),
    (S.COMMITTED, F.REST_LOST): (S.FULFILLED, loses_committed, is_lost),
    (S.COMMITTED, F.ALL_LOST): (S.RELEASED, loses_committed, is_lost),
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
    """Units that will not ship are for sale again; what is not open, or was told as lost before, frees nothing."""
    lost = {line.line_id: min(line.lost, cancelled.get(line.line_id, 0)) for line in reservation.lines}
    lines = tuple(replace(line, lost=line.lost - lost[line.line_id]) for line in reservation.lines)
    known = replace(reservation, lines=lines)
    units = {line_id: quantity - lost.get(line_id, 0) for line_id, quantity in cancelled.items()}
    step = _part(known, units, Fact.PART_CANCELLED, Fact.REST_CANCELLED, reason="lines_cancelled")[0]
    return step or (
        Step(replace(known, version=known.version + 1), Fact.PART_CANCELLED) if any(lost.values()) else None
    )


def write_off(reservation: ReservationFacts, *, sku: str, warehouse: str, units: int) -> Step | None:
    """Up to so many promised units of a row of stock are gone (case 13).

    What is only held is released whole: should its order be confirmed after all, it is taken again or refused then. Of
    what is committed just these units are lost, and orders is told; the earlier lines lose first.
    """
    if reservation.state is State.HELD:
        return decide(reservation, Fact.WRITTEN_OFF, reason="written_off")
    gone: dict[int, int] = {}
    for line in reservation.lines:
        if (line.sku, line.warehouse) == (sku, warehouse) and (taken := min(line.open, units - sum(gone.values()))) > 0:
            gone[line.line_id] = taken
    if not gone:
        return None
    left = sum(line.open for line in reservation.lines) - sum(gone.values())
    rest = Fact.REST_LOST if any(line.fulfilled for line in reservation.lines) else Fact.ALL_LOST
    return decide(reservation, Fact.PART_LOST if left else rest, gone)


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
