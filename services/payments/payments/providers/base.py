"""What a payment provider must be able to do, and the two ways in which it may not.

ProviderError
├── Unanswered   a timeout, a lost connection or a 5xx: it may have happened; read before anything else
└── Refused      a 4xx: it did not happen, and would not if it were sent again
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from payments.domain.facts import Seen

LONGEST_ID = 60


class ProviderError(Exception):
    pass


class Unanswered(ProviderError):
    pass


class Refused(ProviderError):
    def __init__(self, code: str, detail: str = ""):
        super().__init__(f"{code}: {detail}")
        self.code = code


class BadSignature(ProviderError):
    """A webhook that is not the provider's, or not of the last five minutes."""


@dataclass(frozen=True)
class Order:
    """What is to be authorised: amounts in minor units; `reference` is ours and can be searched for."""

    reference: str
    amount_minor: int
    currency: str
    payment_method: str
    return_url: str
    description: str


@dataclass(frozen=True)
class Hint:
    """A verified webhook: read the object that it names. Raises ValueError when a field is longer than any id is."""

    event_id: str
    type: str
    object_id: str
    payload: dict[str, Any]

    def __post_init__(self) -> None:
        if max(map(len, (self.event_id, self.type, self.object_id))) > LONGEST_ID:
            raise ValueError(f"an id or a type has more than {LONGEST_ID} characters")


@dataclass(frozen=True)
class Settled:
    """A line of a settlement report: `amount_minor` is signed, as the buyer's bank saw it; the fee is not taken off.

    `kind`: charge, refund, dispute, dispute_won, or fee for one that belongs to no other. `reference` is the refund's
    (ours) or the dispute's (the provider's).
    """

    line_id: str
    kind: str
    object_id: str
    reference: str
    amount_minor: int
    currency: str
    fee_minor: int
    fee_currency: str
    at: datetime


class Provider(Protocol):
    """All calls raise Unanswered or Refused; `key` makes a call idempotent at the provider."""

    name: str

    def authorize(self, order: Order, *, key: str, keep: Callable[[str], None]) -> Seen:
        """`keep` is told the object's id as soon as there is one, before money may move."""

    def find(self, reference: str) -> Seen | None:
        """The object that was made for our reference, if there is one."""

    def read(self, object_id: str) -> Seen | None: ...

    def capture(self, object_id: str, *, key: str) -> Seen: ...

    def cancel(self, object_id: str, *, key: str) -> Seen:
        """Let go of an authorisation or of an attempt that waits for the shopper."""

    def refund(self, object_id: str, *, refund_id: str, amount_minor: int, key: str) -> Seen: ...

    def settlement(self, day: date) -> Iterable[Settled]:
        """What moved on that day (UTC), in its order."""

    def verify(self, body: bytes, headers: dict[str, str], secrets: list[str]) -> Hint:
        """Raises BadSignature."""
