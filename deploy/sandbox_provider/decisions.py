"""What becomes of an intent: pure functions from what is asked to what will be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from . import disputes
from .methods import METHODS, Manner
from .records import Intent, iso
from .requests import IntentRequest, RefundRequest, Refusal
from .settings import Settings

REFUND_TAKES = 2  # seconds, when it is pending first
DISPUTED_AFTER = 2


@dataclass(frozen=True)
class Step:
    """The intent as it will be, the webhook that tells it, and how the call is answered unless `strike` is known."""

    intent: Intent
    tells: str = ""
    manner: Manner = Manner.NOW
    strike: str = ""


def create(request: IntentRequest, settings: Settings, now: float) -> Step:
    """A new intent, in the status that its payment method brings about."""
    method = METHODS[request.payment_method]
    intent_id = f"pi_{uuid4().hex}"
    asks = method.status == "requires_action"
    intent = Intent(
        id=intent_id,
        reference=request.reference,
        amount=request.amount + method.too_much,
        currency=request.currency,
        payment_method=request.payment_method,
        return_url=request.return_url,
        description=request.description,
        status=method.status,
        code=method.code,
        redirect_url=f"{settings.public_url}/pay/{intent_id}" if asks else "",
        created_at=now,
        updated_at=now,
        authorized_at=now if method.status == "authorized" else None,
        history=({"at": iso(now), "what": method.status},),
        later=None if method.authorized_later is None else now + method.authorized_later * settings.pace,
    )
    strike = _strike(method.creating, "create", request.reference)
    return Step(intent, f"intent.{intent.status}", method.creating, strike)


def capture(intent: Intent, pace: float, now: float) -> Step:
    """Take the money that is held; taking it again changes nothing, or is refused."""
    method = METHODS[intent.payment_method]
    if intent.status == "captured" and not method.captures_again:
        raise Refusal(402, "already_captured", "this intent has been captured before")
    if intent.status in ("captured", "capture_refused"):
        return Step(intent.noted("capture repeated", now))
    if intent.status != "authorized":
        raise Refusal(402, "invalid_state", f"an intent that is {intent.status} cannot be captured")
    if not method.captures:
        refused = intent.turned("capture_refused", now, "authorization_revoked")
        return Step(refused, "intent.capture_refused")
    strike = _strike(method.capturing, "capture", intent.id)
    due = now + DISPUTED_AFTER * pace if method.disputed else None
    captured = intent.turned("captured", now, dispute_due=due, later=due)
    return Step(captured, "intent.captured", method.capturing, strike)


def cancel(intent: Intent, now: float) -> Step:
    """Let go of what is held, or of an attempt that waits; doing it again changes nothing."""
    if intent.status == "cancelled":
        return Step(intent.noted("cancel repeated", now))
    if intent.status not in ("authorized", "requires_action", "processing"):
        raise Refusal(402, "invalid_state", f"an intent that is {intent.status} cannot be cancelled")
    return Step(intent.turned("cancelled", now, later=None), "intent.cancelled")


def refund(
    intent: Intent, request: RefundRequest, struck: Callable[[str], bool], pace: float, now: float, *, fails: bool
) -> Step:
    """Pay back. Under a new key it is another refund, whatever its reference is: nothing here finds duplicates.

    What follows a colon in a reference numbers the tries of one refund, which fails once at most. Nothing is paid back
    of what is contested or was lost that way.
    """
    if intent.status != "captured":
        raise Refusal(402, "invalid_state", f"an intent that is {intent.status} cannot be refunded")
    if disputes.is_open(intent):
        raise Refusal(402, "charge_disputed", "what the buyer's bank contests is not paid back")
    left = intent.amount - intent.refunded - disputes.lost(intent)
    if request.amount > left:
        raise Refusal(402, "refund_too_large", f"{left} is left, not {request.amount}")
    status = "failed" if fails else METHODS[intent.payment_method].refunds
    strike = f"refund {intent.id} {request.reference.partition(':')[0]}" if status == "failed" else ""
    if strike and struck(strike):
        status = "succeeded"
    row: dict[str, Any] = {"reference": request.reference, "amount": request.amount, "status": status}
    if status == "pending":
        row["due"] = now + REFUND_TAKES * pace
    noted = intent.noted(f"refund of {request.amount} {status}", now)
    after = replace(noted, refunds=(*intent.refunds, row), updated_at=now)
    return Step(disputes.waiting(after), f"refund.{status}", strike=strike)


def settle_refunds(intent: Intent, now: float) -> Intent:
    """Pending refunds whose time has come have succeeded."""
    rows = tuple(
        {**row, "status": "succeeded"} if row["status"] == "pending" and row["due"] <= now else row
        for row in intent.refunds
    )
    return disputes.waiting(replace(intent.noted("refund succeeded", now), refunds=rows, updated_at=now))


def _strike(manner: Manner, call: str, of: str) -> str:
    return f"{call} {of}" if manner in (Manner.HANG, Manner.LOST, Manner.ERROR, Manner.ERROR_DONE) else ""
