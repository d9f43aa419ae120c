"""What may be asked of the provider, checked; and how it refuses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .methods import METHODS


class Refusal(Exception):
    """An answer of 4xx. A 402 is a decision and is replayed under its key; a 400 or 404 is not."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    @property
    def body(self) -> str:
        return json.dumps({"code": self.code, "message": self.message})


def invalid(message: str) -> Refusal:
    return Refusal(400, "invalid_request", message)


@dataclass(frozen=True)
class IntentRequest:
    reference: str
    amount: int
    currency: str
    payment_method: str
    return_url: str
    description: str

    @classmethod
    def read(cls, raw: bytes) -> IntentRequest:
        """Raises Refusal when something is missing or cannot be."""
        body = _object(raw)
        request = cls(
            reference=_text(body, "reference", 1, 200),
            amount=_amount(body),
            currency=_text(body, "currency", 3, 3),
            payment_method=_text(body, "payment_method", 1, 200),
            return_url=_text(body, "return_url", 0, 2000),
            description=_text(body, "description", 0, 1000),
        )
        if not (request.currency.isascii() and request.currency.isupper()):
            raise invalid("currency must be three capital letters")
        if request.return_url and urlsplit(request.return_url).scheme not in ("http", "https"):
            raise invalid("return_url must begin with http:// or https://")
        if request.payment_method not in METHODS:
            raise Refusal(400, "unknown_payment_method", "there is no such test payment method; / lists them")
        return request


@dataclass(frozen=True)
class RefundRequest:
    reference: str
    amount: int

    @classmethod
    def read(cls, raw: bytes) -> RefundRequest:
        """Raises Refusal when something is missing or cannot be."""
        body = _object(raw)
        return cls(_text(body, "reference", 1, 200), _amount(body))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        raise invalid("the body is not JSON") from None
    if not isinstance(body, dict):
        raise invalid("the body must be a JSON object")
    return body


def _text(body: dict[str, Any], name: str, shortest: int, longest: int) -> str:
    value = body.get(name)
    value = "" if value is None else value
    if not isinstance(value, str) or not shortest <= len(value) <= longest:
        raise invalid(f"{name} must be a text of {shortest} to {longest} characters")
    return value


def _amount(body: dict[str, Any]) -> int:
    value = body.get("amount")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**15:
        raise invalid("amount must be a whole number of minor units above 0")
    return value
