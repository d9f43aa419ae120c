"""What of an order's money goes back: unit by unit and part by part, exact, and never above what was charged.

Pure. Amounts are minor units of the order's currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from .money import allocate

PARTS = ("goods", "freight", "duty", "tax")


class RefundState(StrEnum):
    """`failed` waits for a person at payments, who may yet send it; `succeeded` is the last word."""

    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class NotRefundable(Exception):
    """That much cannot go back; the message says how much can."""


@dataclass(frozen=True)
class ChargedLine:
    """What was collected at checkout for a line, and how many of its units were given back already."""

    line_id: int
    quantity: int
    goods: int
    freight: int
    duty: int
    tax: int
    refunded: int = 0

    def of_units(self, part: str, units: int) -> int:
        """The part's share of the next units.

        Shared out over all units by largest remainder, the earlier first: the shares of all units add up to the part,
        however they are grouped, so that the last takes the remainder.
        """
        return self._first(part, self.refunded + units) - self._first(part, self.refunded)

    def _first(self, part: str, units: int) -> int:
        each, over = divmod(getattr(self, part), self.quantity)
        return each * units + min(units, over)


@dataclass(frozen=True)
class Share:
    """What goes back for some units of a line."""

    line_id: int
    quantity: int
    goods: int
    freight: int
    duty: int
    tax: int

    @property
    def amount(self) -> int:
        return self.goods + self.freight + self.duty + self.tax


@dataclass(frozen=True)
class Charged:
    """An order's money: what was charged, what of it went back or was asked back, and how it was rounded.

    `rounding` is the charge that made the total a multiple of `step`; `carried` is what refunds before this one were
    rounded down by, because a provider takes back multiples of `step` only.
    """

    total: int
    given_back: int = 0
    rounding: int = 0
    carried: int = 0
    step: int = 1

    @property
    def left(self) -> int:
        return max(0, self.total - self.given_back)


@dataclass(frozen=True)
class Amount:
    """A refund: its amount, its shares by line (which add up to it), and what it leaves to carry."""

    minor: int
    shares: tuple[Share, ...]
    carried: int


def by_line(
    lines: Sequence[ChargedLine], units: Mapping[int, int], *, charged: Charged, parts: Iterable[str] = PARTS
) -> Amount:
    """What goes back for these units (by line id) and these parts; of the tax, the share of those parts.

    The refund that leaves no unit takes what rounding had held back. Raises NotRefundable for more units than are left.
    """
    shares = [_share(line, units[line.line_id], frozenset(parts)) for line in lines if units.get(line.line_id)]
    exact = sum(share.amount for share in shares)
    last = all(line.refunded + units.get(line.line_id, 0) == line.quantity for line in lines)
    wished = exact + charged.carried + (charged.rounding if last else 0)
    minor = max(0, min(wished - wished % charged.step, charged.left))
    carried = 0 if last else max(0, min(wished - minor, charged.step - 1))
    return Amount(minor, _fitted(shares, minor - exact), carried)


def of_no_line(minor: int, *, charged: Charged) -> Amount:
    """An amount that belongs to no line. Raises NotRefundable above what is left, or off the currency's step."""
    if minor > charged.left:
        raise NotRefundable(f"At most {charged.left} minor units are left to refund, not {minor}.")
    if minor % charged.step:
        raise NotRefundable(f"This currency is refunded in multiples of {charged.step} minor units.")
    return Amount(minor, (), charged.carried)


def _share(line: ChargedLine, units: int, parts: frozenset[str]) -> Share:
    left = line.quantity - line.refunded
    if units > left:
        raise NotRefundable(f"Line {line.line_id} has {left} units left to refund, not {units}.")
    amounts = {part: line.of_units(part, units) for part in PARTS}
    back = sum(amounts[part] for part in PARTS if part != "tax" and part in parts)
    kept = sum(amounts[part] for part in PARTS if part != "tax" and part not in parts)
    tax = allocate(amounts["tax"], [back, kept])[0] if kept else amounts["tax"]
    amounts = {part: amount if part in parts else 0 for part, amount in {**amounts, "tax": tax}.items()}
    return Share(line.line_id, units, **amounts)


def _fitted(shares: Sequence[Share], difference: int) -> tuple[Share, ...]:
    """The shares, the last ones changed by the difference; none falls below zero."""
    fitted = list(shares)
    for i in reversed(range(len(fitted))):
        for part in PARTS:
            change = max(difference, -getattr(fitted[i], part))
            fitted[i] = replace(fitted[i], **{part: getattr(fitted[i], part) + change})
            difference -= change
    return tuple(fitted)
