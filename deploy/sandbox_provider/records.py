"""What the provider remembers: intents, answers by idempotency key, webhooks that are still to be sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

DISPUTE_FIELDS = ("id", "amount", "reason", "due_by", "status")


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment at the provider. `amount` in minor units, times in seconds since 1970; at `later` it will change."""

    id: str
    reference: str
    amount: int
    currency: str
    payment_method: str
    return_url: str
    description: str
    status: str
    code: str
    redirect_url: str
    created_at: float
    updated_at: float
    authorized_at: float | None = None
    refunds: tuple[dict[str, Any], ...] = ()
    history: tuple[dict[str, Any], ...] = ()
    later: float | None = None
    disputes: tuple[dict[str, Any], ...] = ()
    dispute_due: float | None = None

    def turned(self, status: str, now: float, code: str = "", **fields: Any) -> Intent:
        """This intent in another status."""
        if status == "authorized":
            fields["authorized_at"] = now
        return replace(self.noted(status, now), status=status, code=code, updated_at=now, **fields)

    def noted(self, what: str, now: float) -> Intent:
        """This intent with one more line of history."""
        return replace(self, history=(*self.history, {"at": iso(now), "what": what}))

    @property
    def refunded(self) -> int:
        """What has gone back or is on its way, in minor units."""
        return sum(refund["amount"] for refund in self.refunds if refund["status"] != "failed")

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "reference": self.reference,
            "amount": self.amount,
            "currency": self.currency,
            "payment_method": self.payment_method,
            "description": self.description,
            "status": self.status,
            "code": self.code,
            "redirect_url": self.redirect_url,
            "refunds": [{name: refund[name] for name in ("reference", "amount", "status")} for refund in self.refunds],
            "disputes": [{name: row[name] for name in DISPUTE_FIELDS} for row in self.disputes],
            "history": list(self.history),
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered under an idempotency key; `asked` is the digest of the request."""

    key: str
    asked: str
    status: int
    body: str
    at: float


@dataclass(frozen=True, slots=True)
class Strike:
    """A call that was made to fail once, and will not be again."""

    key: str
    at: float


@dataclass(frozen=True, slots=True)
class Webhook:
    """An event that is to arrive `copies` more times; with 0 it is done with."""

    id: str
    type: str
    object_id: str
    created_at: str
    due: float
    tries: int = 0
    copies: int = 1


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moved, as the settlement report tells it: signed, fee not taken off."""

    id: str
    kind: str  # charge, refund, dispute, dispute_won
    object_id: str
    reference: str
    amount: int
    fee: int
    currency: str
    at: float


@dataclass(frozen=True, slots=True)
class Chaos:
    """How often what goes wrong, by name; drawn from the seed and the call, so that a run can be repeated."""

    seed: int
    rates: dict[str, float]


KINDS = {
    "intent": Intent,
    "answer": Answer,
    "strike": Strike,
    "webhook": Webhook,
    "movement": Movement,
    "chaos": Chaos,
}
Record = Intent | Answer | Strike | Webhook | Movement | Chaos
