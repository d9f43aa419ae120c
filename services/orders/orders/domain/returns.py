"""The return's state machine, and what may come back, until when, and what of the money follows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from .refunds import PARTS


class ReturnState(StrEnum):
    REQUESTED = "requested"
    REJECTED = "rejected"
    APPROVED = "approved"
    RECEIVED = "received"
    REFUNDED = "refunded"


class ReturnFact(StrEnum):
    APPROVED = "return approved"
    REJECTED = "return rejected"
    RECEIVED = "return received"
    REFUNDED = "return refunded"


S, F = ReturnState, ReturnFact
TRANSITIONS: dict[tuple[ReturnState, ReturnFact], tuple[ReturnState, str | None]] = {
    (S.REQUESTED, F.APPROVED): (S.APPROVED, "return_approved"),
    (S.REQUESTED, F.REJECTED): (S.REJECTED, "return_rejected"),
    (S.APPROVED, F.RECEIVED): (S.RECEIVED, "return_received"),
    (S.RECEIVED, F.REFUNDED): (S.REFUNDED, None),  # payments has told it
}


def decide(state: ReturnState, fact: ReturnFact) -> tuple[ReturnState, str | None] | None:
    """The next state and the event that says it; None when the fact makes nothing of it."""
    return TRANSITIONS.get((state, fact))


@dataclass(frozen=True)
class Terms:
    """What the buyer was promised when they asked for the quote: for how long, and which parts come back."""

    window_days: int = 14  # where no rule says another: the shortest that EU law allows (2011/83/EU, article 9)
    parts: tuple[str, ...] = ("goods", "tax")

    @classmethod
    def read(cls, stored: Mapping[str, Any] | None) -> Terms:
        return cls(stored["window_days"], tuple(stored["refunds"])) if stored else cls()


def terms_of(*, window_days: int, freight: bool, duty: bool) -> Terms:
    """Goods and their tax always come back; freight and import duty only where the market's rule says so."""
    named = {"goods": True, "freight": freight, "duty": duty, "tax": True}
    return Terms(window_days, tuple(part for part in PARTS if named[part]))


def too_late(terms: Terms, arrivals: Iterable[datetime | None], *, now: datetime) -> bool:
    """Whether the window has closed: counted from the last arrival, and open while something is under way."""
    arrived = list(arrivals)
    moments = [moment for moment in arrived if moment is not None]
    return len(moments) == len(arrived) and bool(moments) and now > max(moments) + timedelta(days=terms.window_days)
