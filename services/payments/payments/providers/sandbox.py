"""The sandbox provider: a separate process that behaves like a real one, its bad days included."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import httpx

from payments.domain.facts import Seen, SeenDispute
from payments.providers.base import BadSignature, Hint, Order, Refused, Settled, Unanswered

TIMEOUT = httpx.Timeout(3.0, connect=1.0)
TOLERANCE_SECONDS = 300


class SandboxProvider:
    name = "sandbox"

    def __init__(self, url: str):
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT)

    def authorize(self, order: Order, *, key: str, keep: Callable[[str], None]) -> Seen:
        body = {
            "reference": order.reference,
            "amount": order.amount_minor,
            "currency": order.currency,
            "payment_method": order.payment_method,
            "return_url": order.return_url,
            "description": order.description,
        }
        return seen(self._call("POST", "/v1/intents", key=key, json=body))

    def find(self, reference: str) -> Seen | None:
        found = self._call("GET", "/v1/intents", params={"reference": reference})["data"]
        return seen(found[0]) if found else None

    def read(self, object_id: str) -> Seen | None:
        try:
            return seen(self._call("GET", f"/v1/intents/{object_id}"))
        except Refused as refusal:
            if refusal.code == "not_found":
                return None
            raise

    def capture(self, object_id: str, *, key: str) -> Seen:
        return seen(self._call("POST", f"/v1/intents/{object_id}/capture", key=key))

    def cancel(self, object_id: str, *, key: str) -> Seen:
        return seen(self._call("POST", f"/v1/intents/{object_id}/cancel", key=key))

    def refund(self, object_id: str, *, refund_id: str, amount_minor: int, key: str) -> Seen:
        body = {"reference": refund_id, "amount": amount_minor}
        return seen(self._call("POST", f"/v1/intents/{object_id}/refunds", key=key, json=body))

    def settlement(self, day: date) -> Iterator[Settled]:
        for line in self._call("GET", f"/v1/settlements/{day.isoformat()}")["data"]:
            yield Settled(
                line_id=line["id"],
                kind=line["kind"],
                object_id=line["object_id"],
                reference=line["reference"],
                amount_minor=line["amount"],
                currency=line["currency"],
                fee_minor=line["fee"],
                fee_currency=line["currency"],
                at=datetime.fromisoformat(line["at"]),
            )

    def verify(self, body: bytes, headers: dict[str, str], secrets: list[str]) -> Hint:
        parts = dict(part.partition("=")[::2] for part in headers.get("Sandbox-Signature", "").split(","))
        timestamp = parts.get("t", "")
        if not (timestamp.isascii() and timestamp.isdigit()) or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
            raise BadSignature("the timestamp is missing or not of the last five minutes")
        signed = timestamp.encode() + b"." + body
        given = parts.get("v1", "").encode()
        expected = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode() for secret in secrets]
        if not any(hmac.compare_digest(each, given) for each in expected):
            raise BadSignature("the signature is not made with one of our secrets")
        try:
            event = json.loads(body)
            return Hint(str(event["id"]), str(event["type"]), str(event["object_id"]), event)
        except (ValueError, KeyError, TypeError) as error:
            raise BadSignature("the body is not an event") from error

    def _call(self, method: str, path: str, *, key: str = "", **request: Any) -> dict[str, Any]:
        headers = {"Idempotency-Key": key} if key else {}
        try:
            answer = self._client.request(method, path, headers=headers, **request)
            body = answer.json() if answer.content else {}
        except (httpx.HTTPError, ValueError) as error:
            raise Unanswered(f"{method} {path}: {error.__class__.__name__}") from error
        if answer.status_code >= 500 or answer.status_code in {401, 403, 408, 409, 429}:  # not about this payment
            raise Unanswered(f"{method} {path}: {answer.status_code}")
        if answer.status_code >= 400:
            raise Refused(body.get("code", str(answer.status_code)), body.get("message", ""))
        return body


def seen(intent: dict[str, Any]) -> Seen:
    """The provider's object in our terms."""
    return Seen(
        status=intent["status"],
        amount_minor=intent["amount"],
        currency=intent["currency"],
        at=datetime.fromisoformat(intent["updated_at"]),
        object_id=intent["id"],
        code=intent.get("code") or "",
        redirect_url=intent.get("redirect_url") or "",
        refunds={refund["reference"]: refund["status"] for refund in intent["refunds"]},
        disputes=tuple(
            SeenDispute(
                id=dispute["id"],
                amount_minor=dispute["amount"],
                reason=dispute["reason"],
                due_by=datetime.fromisoformat(dispute["due_by"]),
                state=dispute["status"],
            )
            for dispute in intent["disputes"]
        ),
    )
