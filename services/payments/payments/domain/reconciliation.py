"""Where a provider's settlement report and our books do not agree. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Booked:
    """A posting that moved money at the provider: by how much, signed."""

    business_key: str
    amount_minor: int
    currency: str


@dataclass(frozen=True)
class Disagreement:
    kind: str  # extra, wrong_amount
    detail: str
    booked_minor: int | None = None


def keys_of(kind: str, reference: str, *, payment_id: str, attempt_id: str) -> list[str]:
    """The business keys under which our books may have what a line tells, the likelier first."""
    sent = reference.rpartition(":")[0]  # what follows numbers the sendings of one refund
    match kind:
        case "charge":
            return [f"captured:{payment_id}", f"captured_late:{payment_id}", f"surplus:{attempt_id}"]
        case "refund" if sent.startswith("surplus-"):
            return [f"given_back:{sent.removeprefix('surplus-')}"]
        case "refund":
            return [f"refunded:{sent}"]
        case "dispute":
            return [f"disputed:{reference}"]
        case "dispute_won":
            return [f"dispute_won:{reference}"]
    return []


def disagreement(
    kind: str, amount_minor: int, currency: str, *, booked: Booked | None, taken: bool
) -> Disagreement | None:
    """What is wrong with a line; `booked` is the posting it was matched with, `taken` says that another line was."""
    if booked is None:
        return Disagreement("extra", f"the provider reports a {kind} that is not in our books")
    if taken:
        return Disagreement("extra", f"the provider reports {booked.business_key} twice", booked.amount_minor)
    if (booked.amount_minor, booked.currency) != (amount_minor, currency):
        reported, ours = f"{amount_minor} {currency}", f"{booked.amount_minor} {booked.currency}"
        return Disagreement(
            "wrong_amount", f"the provider reports {reported}, our books have {ours}", booked.amount_minor
        )
    return None
