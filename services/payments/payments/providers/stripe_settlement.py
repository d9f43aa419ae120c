"""Stripe's balance transactions as lines of a settlement report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from payments.providers.base import Settled
from payments.providers.stripe_money import from_stripe

KINDS = {"charge": "charge", "refund": "refund", "dispute": "dispute", "dispute_reversal": "dispute_won", "fee": "fee"}
NOT_OURS = frozenset({"payout", "payout_reversal", "topup", "topup_reversal", "transfer", "transfer_reversal"})


def settled(row: dict[str, Any]) -> Settled | None:
    """A line, or None for what moves between Stripe and the shop's bank.

    Amounts are the source's, as the buyer's bank saw them: the transaction's own are in the currency of the balance.
    What kind we do not know becomes a line that matches nothing, so that a person sees it.
    """
    category = row["reporting_category"]
    if category in NOT_OURS:
        return None
    kind = KINDS.get(category, category[:20])
    source = row["source"] if isinstance(row.get("source"), dict) else {}
    own = row["currency"].upper()
    currency = (source.get("currency") or own).upper()
    fee = -row["amount"] if kind == "fee" else row["fee"]
    return Settled(
        line_id=row["id"],
        kind=kind,
        object_id=source.get("payment_intent") or "",
        reference=_reference(kind, source),
        amount_minor=_amount(kind, row, source, currency),
        currency=currency,
        fee_minor=from_stripe(fee, own),
        fee_currency=own,
        at=datetime.fromtimestamp(row["created"], UTC),
    )


def _reference(kind: str, source: dict[str, Any]) -> str:
    if kind == "refund":
        return str((source.get("metadata") or {}).get("reference") or source.get("id") or "")
    return str(source.get("id") or "") if kind in ("dispute", "dispute_won") else ""


def _amount(kind: str, row: dict[str, Any], source: dict[str, Any], currency: str) -> int:
    match kind:
        case "charge":
            return from_stripe(source.get("amount_captured", row["amount"]), currency)
        case "refund" | "dispute":
            return -from_stripe(source.get("amount", -row["amount"]), currency)
        case "dispute_won":
            return from_stripe(source.get("amount", row["amount"]), currency)
        case "fee":
            return 0
    return from_stripe(row["amount"], row["currency"].upper())
