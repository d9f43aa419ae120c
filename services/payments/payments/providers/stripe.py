"""Stripe, through its official client: PaymentIntents that are authorised first and captured later.

An intent is made before it is confirmed, and its id is kept, so that it can be read whatever becomes of confirming it:
Stripe's search finds a new intent only after a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import stripe

from payments.domain.facts import Seen, SeenDispute
from payments.providers.base import BadSignature, Hint, Order, Refused, Settled, Unanswered
from payments.providers.stripe_money import from_stripe, to_stripe
from payments.providers.stripe_settlement import settled

API = "https://api.stripe.com"
TIMEOUT_SECONDS = 12  # twice that is less than operations.ANSWER_BY
TOLERANCE_SECONDS = 300
STATUSES = {
    "requires_confirmation": "unconfirmed",
    "requires_action": "requires_action",
    "processing": "processing",
    "requires_capture": "authorized",
    "succeeded": "captured",
    "canceled": "cancelled",
}
REFUNDS = {"succeeded": "succeeded", "pending": "pending", "requires_action": "pending"}  # else failed
DISPUTES = {"needs_response": "open", "under_review": "open", "won": "won", "lost": "lost"}  # else no money is withheld
HINTS = {
    "payment_intent.amount_capturable_updated": "intent.authorized",
    "payment_intent.succeeded": "intent.captured",
    "payment_intent.canceled": "intent.cancelled",
}
SILENCE = (
    stripe.APIConnectionError,
    stripe.RateLimitError,
    stripe.AuthenticationError,  # a key that was rolled, not this payment's fault
    stripe.PermissionError,
    stripe.APIError,  # 5xx, and 409 while the same key is in flight
)


class StripeProvider:
    name = "stripe"

    def __init__(self, api_key: str, *, api: str = ""):
        http_client = stripe.HTTPXClient(timeout=TIMEOUT_SECONDS, allow_sync_methods=True)
        client = stripe.StripeClient(
            api_key, base_addresses={"api": api or API}, http_client=http_client, max_network_retries=0
        )
        self._api: Any = client.v1

    def authorize(self, order: Order, *, key: str, keep: Callable[[str], None]) -> Seen:
        params = {
            "amount": to_stripe(order.amount_minor, order.currency),
            "currency": order.currency.lower(),
            "capture_method": "manual",
            "payment_method_types": ["card"],  # what cannot be authorised first is not offered
            "description": order.description,
            "metadata": {"reference": order.reference},
        }
        intent = _asked(lambda: self._api.payment_intents.create(params, {"idempotency_key": f"{key}:create"}))
        keep(intent.id)
        confirmation = {"payment_method": order.payment_method, "return_url": order.return_url}
        options = {"idempotency_key": f"{key}:confirm"}
        _asked(lambda: self._api.payment_intents.confirm(intent.id, confirmation, options))
        return self._read(intent.id)

    def find(self, reference: str) -> Seen | None:
        """By metadata; eventually consistent, and asked only when the id was lost with its process."""
        query = {"query": f"metadata['reference']:'{reference}'", "limit": 1}
        found = _asked(lambda: self._api.payment_intents.search(query)).data
        return self._read(found[0].id) if found else None

    def read(self, object_id: str) -> Seen | None:
        try:
            return self._read(object_id)
        except Refused as refusal:
            if refusal.code == "resource_missing":
                return None
            raise

    def capture(self, object_id: str, *, key: str) -> Seen:
        _asked(lambda: self._api.payment_intents.capture(object_id, None, {"idempotency_key": key}))
        return self._read(object_id)

    def cancel(self, object_id: str, *, key: str) -> Seen:
        _asked(lambda: self._api.payment_intents.cancel(object_id, None, {"idempotency_key": key}))
        return self._read(object_id)

    def refund(self, object_id: str, *, refund_id: str, amount_minor: int, key: str) -> Seen:
        intent = _asked(lambda: self._api.payment_intents.retrieve(object_id))
        amount = to_stripe(amount_minor, intent.currency.upper())
        params = {"payment_intent": object_id, "amount": amount, "metadata": {"reference": refund_id}}
        _asked(lambda: self._api.refunds.create(params, {"idempotency_key": key}))
        return self._read(object_id)

    def settlement(self, day: date) -> Iterator[Settled]:
        start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        params = {
            "created": {"gte": start, "lt": start + int(timedelta(days=1).total_seconds())},
            "limit": 100,
            "expand": ["data.source"],
        }
        page = self._transactions(params)
        while page.data:
            yield from filter(None, (settled(row.to_dict()) for row in page.data))
            if not page.has_more:
                return
            page = self._transactions({**params, "starting_after": page.data[-1].id})

    def _transactions(self, params: dict[str, Any]) -> Any:
        return _asked(lambda: self._api.balance_transactions.list(params))

    def verify(self, body: bytes, headers: dict[str, str], secrets: list[str]) -> Hint:
        """Of what Stripe sends only the names are kept: a payload carries the buyer's address and the card's end."""
        for secret in secrets:
            try:
                event = stripe.Webhook.construct_event(
                    body, headers.get("Stripe-Signature", ""), secret, TOLERANCE_SECONDS
                ).to_dict()
                shown = event["data"]["object"]
                object_id = shown["id"] if shown.get("object") == "payment_intent" else shown.get("payment_intent")
                kept = {"id": event["id"], "type": event["type"], "created": event.get("created")}
                type_ = HINTS.get(event["type"], event["type"])
                return Hint(event["id"], type_, object_id or "", kept)
            except stripe.SignatureVerificationError:
                continue
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise BadSignature("the body is not an event") from error
        raise BadSignature("the signature is not made with one of our secrets in the last five minutes")

    def _read(self, object_id: str) -> Seen:
        """The intent with its refunds and disputes: one call, or two or three once money was taken."""
        expand = {"expand": ["latest_charge"]}
        intent = _asked(lambda: self._api.payment_intents.retrieve(object_id, expand)).to_dict()
        refunds: list[dict[str, Any]] = []
        disputes: list[dict[str, Any]] = []
        about = {"payment_intent": object_id, "limit": 100}
        if intent["status"] == "succeeded":
            refunds = [row.to_dict() for row in _asked(lambda: self._api.refunds.list(about)).data]
        charge = intent.get("latest_charge")
        if isinstance(charge, dict) and charge.get("disputed"):
            disputes = [row.to_dict() for row in _asked(lambda: self._api.disputes.list(about)).data]
        return seen(intent, refunds, disputes)


def seen(intent: dict[str, Any], refunds: list[dict[str, Any]], disputes: list[dict[str, Any]]) -> Seen:
    """Stripe's objects in our terms. It tells when things were made, not when they changed: `at` is now."""
    currency = intent["currency"].upper()
    status, code = _status(intent)
    action = intent.get("next_action") or {}
    contested = [row for row in disputes if row["status"] in DISPUTES]
    return Seen(
        status=status,
        amount_minor=from_stripe(intent["amount_received" if status == "captured" else "amount"], currency),
        currency=currency,
        at=datetime.now(UTC),
        object_id=intent["id"],
        code=code,
        redirect_url=(action.get("redirect_to_url") or {}).get("url") or "",
        refunds={_reference(row): REFUNDS.get(row["status"], "failed") for row in refunds},
        disputes=tuple(_dispute(row, currency) for row in sorted(contested, key=lambda row: row["created"])),
    )


def _status(intent: dict[str, Any]) -> tuple[str, str]:
    """(our status, code)."""
    error = intent.get("last_payment_error")
    if intent["status"] == "requires_payment_method":  # also after a decline, when it may be confirmed again
        code = (error or {}).get("decline_code") or (error or {}).get("code") or "card_declined"
        return ("declined", code) if error else ("unconfirmed", "")
    ran_out = intent["status"] == "canceled" and intent.get("cancellation_reason") in ("automatic", "expired")
    return STATUSES.get(intent["status"], "processing"), "authorization_expired" if ran_out else ""


def _reference(refund: dict[str, Any]) -> str:
    return (refund.get("metadata") or {}).get("reference") or refund["id"]


def _dispute(row: dict[str, Any], currency: str) -> SeenDispute:
    due_by = (row.get("evidence_details") or {}).get("due_by")
    return SeenDispute(
        id=row["id"],
        amount_minor=from_stripe(row["amount"], currency),
        reason=row["reason"],
        due_by=datetime.fromtimestamp(due_by, UTC) if due_by else None,
        state=DISPUTES[row["status"]],
    )


def _asked(call: Callable[[], Any]) -> Any:
    """What Stripe answers; its exceptions in our two kinds."""
    try:
        return call()
    except stripe.IdempotencyError as error:
        raise Refused("idempotency_key_reused", str(error)) from error
    except stripe.CardError as error:
        code = getattr(error.error, "decline_code", None) or error.code or "card_declined"
        raise Refused(code, str(error)) from error
    except SILENCE as error:
        raise Unanswered(f"{type(error).__name__}: {error}") from error
    except stripe.StripeError as error:
        raise Refused(error.code or "invalid_request", str(error)) from error
