"""When a buyer's bank contests a charge: pure functions from an intent to what becomes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import uuid4

from .methods import METHODS
from .records import Intent, iso
from .requests import Refusal, invalid

DECIDED_AFTER = 2  # seconds
EVIDENCE_DAYS = 7
REASONS = ("fraudulent", "product_not_received", "product_unacceptable", "duplicate", "general")


def opened(intent: Intent, now: float, *, amount: int = 0, reason: str = "fraudulent", decided: float = 0) -> Intent:
    """Contested from now on: the whole of what was not paid back, unless an amount is given. Decided at `decided`."""
    left = intent.amount - intent.refunded - lost(intent)
    if intent.status != "captured" or left <= 0:
        raise Refusal(402, "invalid_state", "only what was captured and not paid back can be contested")
    if is_open(intent):
        raise Refusal(402, "already_disputed", "this intent is contested already")
    if amount > left:
        raise Refusal(402, "dispute_too_large", f"{left} is left, not {amount}")
    row = {
        "id": f"dp_{uuid4().hex}",
        "amount": amount or left,
        "reason": reason,
        "due_by": iso(now + EVIDENCE_DAYS * 86400),
        "status": "open",
        "decided": decided,
    }
    noted = intent.noted(f"disputed: {row['amount']}, {reason}", now)
    return waiting(replace(noted, disputes=(*intent.disputes, row), dispute_due=None, updated_at=now))


def closed(intent: Intent, verdict: str, now: float) -> Intent:
    """The open dispute is decided: `won` (the shop keeps the money) or `lost`."""
    if not is_open(intent):
        raise Refusal(402, "not_disputed", "no dispute of this intent is open")
    rows = tuple(row | {"status": verdict} if row["status"] == "open" else row for row in intent.disputes)
    return waiting(replace(intent.noted(f"dispute {verdict}", now), disputes=rows, updated_at=now))


def come_due(intent: Intent, pace: float, now: float) -> tuple[Intent, str] | None:
    """What its method brings about by now: the intent afterwards, and the webhook that tells it."""
    if intent.dispute_due is not None and intent.dispute_due <= now:
        verdict = METHODS[intent.payment_method].disputed
        decided = now + DECIDED_AFTER * pace if verdict in ("won", "lost") else 0
        try:
            return opened(intent, now, decided=decided), "dispute.opened"
        except Refusal:  # paid back in the meantime
            return waiting(replace(intent, dispute_due=None)), ""
    if any(row["status"] == "open" and 0 < row["decided"] <= now for row in intent.disputes):
        verdict = METHODS[intent.payment_method].disputed
        return closed(intent, verdict, now), f"dispute.{verdict}"
    return None


def waiting(intent: Intent) -> Intent:
    """The intent with the moment at which it changes by itself."""
    moments = [row["due"] for row in intent.refunds if row["status"] == "pending"]
    moments += [row["decided"] for row in intent.disputes if row["status"] == "open" and row["decided"]]
    moments += [] if intent.dispute_due is None else [intent.dispute_due]
    return replace(intent, later=min(moments, default=None))


def is_open(intent: Intent) -> bool:
    return any(row["status"] == "open" for row in intent.disputes)


def lost(intent: Intent) -> int:
    return sum(row["amount"] for row in intent.disputes if row["status"] == "lost")


def read_request(raw: bytes) -> tuple[int, str]:
    """(amount or 0, reason) of an operator's request. Raises Refusal."""
    try:
        body = json.loads(raw or b"{}")
        amount, reason = body.get("amount", 0), body.get("reason", "fraudulent")
    except (ValueError, AttributeError):
        raise invalid("the body must be a JSON object") from None
    if not isinstance(amount, int) or isinstance(amount, bool) or amount < 0:
        raise invalid("amount must be a whole number of minor units")
    if reason not in REASONS:
        raise invalid(f"reason must be one of {', '.join(REASONS)}")
    return amount, reason
