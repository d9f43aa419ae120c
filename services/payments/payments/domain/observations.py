"""What a look at the provider comes to: the payment afterwards, and what is told of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from payments.domain.facts import PaymentFacts, SeenDispute
from payments.domain.ledger import Posting

CODE = re.compile(r"[a-z][a-z0-9_]{0,49}")


@dataclass(frozen=True)
class Said:
    """An event to publish: the part of its type after `payment.`, and its own fields."""

    name: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Observation:
    """The payment after a look at the provider, what it says, and whether someone must know (`alarm`).

    `surplus` says that the attempt holds money that does not count, and that has to go back. `disputes` are those to be
    written down; `postings` go into the books.
    """

    payment: PaymentFacts
    said: tuple[Said, ...] = ()
    alarm: str = ""
    surplus: bool = False
    disputes: tuple[SeenDispute, ...] = ()
    postings: tuple[Posting, ...] = ()

    def then(self, other: Observation) -> Observation:
        """This one and one that was made of its payment."""
        return replace(
            other,
            said=self.said + other.said,
            alarm="; ".join(filter(None, (self.alarm, other.alarm))),
            surplus=self.surplus or other.surplus,
            disputes=self.disputes + other.disputes,
            postings=self.postings + other.postings,
        )


def code_of(text: str, otherwise: str) -> str:
    """A provider's code as our events may carry it."""
    return text if CODE.fullmatch(text) else otherwise


def amount(amount_minor: int, currency: str) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": currency}
