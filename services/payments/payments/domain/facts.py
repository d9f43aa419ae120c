"""What the decisions about money look at: a payment, its refunds, and what the provider's object shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    CREATED = "created"  # due, nobody pays yet
    SENT = "sent"  # an attempt is at the provider, its result is not known
    WAITING = "waiting"  # the shopper must act at the provider
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    VOIDED = "voided"
    FAILED = "failed"  # the capture was refused for good; what the provider holds all the same goes back
    CLOSED = "closed"  # nothing is due and nothing was paid


class Kind(StrEnum):
    """Operations at the provider."""

    AUTHORIZE = "authorize"
    CANCEL_ATTEMPT = "cancel_attempt"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    GIVE_BACK = "give_back"  # an attempt that succeeded besides the one that counts


@dataclass(frozen=True)
class RefundFacts:
    """A refund row: `requested`, `succeeded`, `failed` (waits for a person) or `refused` (there is no money for it).

    `sent` are all references under which it was sent, `sending` the one whose result is not known yet, if any.
    """

    id: str
    amount_minor: int
    state: str
    asked_by_order: bool
    sent: tuple[str, ...] = ()
    sending: str = ""


@dataclass(frozen=True)
class PaymentFacts:
    """A payment as its decisions see it; amounts in minor units of `currency`.

    `asked_back` is the sum of the refunds that orders asked for and that were not refused. `queued` and `surplus` are
    attempts' ids: one that waits for its turn, and one that succeeded although another attempt counts. `refused`: a
    capture was refused before. `disputed`: the buyer's bank contests it now; `lost_minor` is what was lost that way,
    `disputes` are the (id, state) of those that are known.
    """

    state: State
    total_minor: int
    currency: str
    closed: bool = False
    confirmed: bool = False
    asked_back: int = 0
    expired: bool = False
    operation: Kind | None = None
    queued: str | None = None
    surplus: str | None = None
    refunds: tuple[RefundFacts, ...] = ()
    refused: bool = False
    disputed: bool = False
    lost_minor: int = 0
    disputes: tuple[tuple[str, str], ...] = ()

    @property
    def due_minor(self) -> int:
        return 0 if self.closed else self.total_minor - self.asked_back

    @property
    def promised_back(self) -> int:
        """What has gone back, goes back or should: all refunds that were not refused."""
        return sum(refund.amount_minor for refund in self.refunds if refund.state != "refused")


@dataclass(frozen=True)
class SeenDispute:
    """A contest of the buyer's bank as the provider shows it: `open`, `won` (we keep the money) or `lost`."""

    id: str
    amount_minor: int
    reason: str
    due_by: datetime | None
    state: str


@dataclass(frozen=True)
class Seen:
    """What the provider's object of an attempt shows. `refunds` is {our reference: succeeded | failed | pending}.

    `unconfirmed`: the object is there, but what makes it pay has not arrived (yet).
    """

    status: str  # unconfirmed, processing, requires_action, authorized, captured, declined, cancelled, capture_refused
    amount_minor: int
    currency: str
    at: datetime
    object_id: str = ""
    code: str = ""
    redirect_url: str = ""
    refunds: Mapping[str, str] = field(default_factory=dict)
    disputes: tuple[SeenDispute, ...] = ()
