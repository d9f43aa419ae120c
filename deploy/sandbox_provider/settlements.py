"""The settlement report: what moved on a day, with the provider's fees; wrong where a test payment method wants it."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import Any
from uuid import uuid4

from .methods import METHODS, Settles
from .records import Intent, Movement, iso

DISPUTE_FEE = 1500


def moved(before: Intent | None, after: Intent, now: float) -> list[Movement]:
    """The money that moved between these two states of an intent."""
    found = []
    if after.status == "captured" and (before is None or before.status != "captured"):
        found.append(_movement(after, "charge", after.reference, after.amount, charge_fee(after.amount), now))
    earlier = [row["status"] for row in before.refunds] if before else []
    for row, status in zip_longest(after.refunds, earlier, fillvalue=""):  # rows are only added
        if row["status"] == "succeeded" != status:
            found.append(_movement(after, "refund", row["reference"], -row["amount"], 0, now))
    known = {row["id"]: row["status"] for row in before.disputes} if before else {}
    for row in after.disputes:
        if row["id"] not in known:
            found.append(_movement(after, "dispute", row["id"], -row["amount"], DISPUTE_FEE, now))
        if row["status"] == "won" != known.get(row["id"]):
            found.append(_movement(after, "dispute_won", row["id"], row["amount"], 0, now))
    return found


def charge_fee(amount: int) -> int:
    """1.4 % and 25, in minor units."""
    return (amount * 14 + 500) // 1000 + 25


def report(movements: list[Movement], intents: dict[str, Intent]) -> list[dict[str, Any]]:
    """The day's lines."""
    return [_line(each) for movement in movements for each in _told(movement, intents[movement.object_id])]


def _told(movement: Movement, intent: Intent) -> list[Movement]:
    settles = METHODS[intent.payment_method].settles if movement.kind == "charge" else Settles.RIGHT
    match settles:
        case Settles.MISSING:
            return []
        case Settles.WRONG:
            return [replace(movement, amount=movement.amount + 1)]
        case Settles.TWICE:
            return [movement, replace(movement, id=f"{movement.id}_again")]
        case Settles.FOREIGN:
            foreign = replace(movement, id=f"{movement.id}_foreign", object_id=f"pi_foreign_{movement.id[-12:]}")
            return [movement, replace(foreign, reference="somebody-elses")]
    return [movement]


def _line(movement: Movement) -> dict[str, Any]:
    fields = ("id", "kind", "object_id", "reference", "amount", "fee", "currency")
    return {name: getattr(movement, name) for name in fields} | {"at": iso(movement.at)}


def _movement(intent: Intent, kind: str, reference: str, amount: int, fee: int, now: float) -> Movement:
    return Movement(f"mv_{uuid4().hex}", kind, intent.id, reference, amount, fee, intent.currency, now)
