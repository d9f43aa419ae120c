"""A payment is written down together with what is said of it and what goes into the books."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from outbox.publishing import publish

from payments.domain.ledger import Posting
from payments.domain.observations import Said
from payments.models import Payment
from payments.use_cases import ledger


@dataclass(frozen=True)
class PaymentEvent:
    type: str
    key: str
    subject: str
    sequence: int
    data: dict[str, Any]


def save(payment: Payment, now: datetime, *said: Said, postings: Iterable[Posting] = ()) -> None:
    """Under the payment's lock, in its transaction: the row, its events, its postings."""
    events = []
    for each in said:
        payment.version += 1
        events.append(_event(payment, each.name, dict(each.data)))
    if not events:
        payment.version += 1
    payment.save()
    publish(*events)
    ledger.write(postings, provider=payment.provider, payment=payment, now=now)


def captured(payment: Payment) -> Said:
    """The capture, told (again): what is written down of it."""
    return Said("captured", {"amount": _total(payment), "at": payment.captured_at})


def capture_failed(payment: Payment) -> Said:
    return Said("capture_failed", {"code": payment.capture_code, "retryable": False})


def _total(payment: Payment) -> dict[str, Any]:
    return {"amount_minor": payment.total_minor, "currency": payment.currency}


def _event(payment: Payment, name: str, data: dict[str, Any]) -> PaymentEvent:
    if "at" in data:
        at = data.pop("at").astimezone(timezone.get_default_timezone())
        time = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
        data |= {"provider": payment.provider, "provider_time": time}
    reference = {
        "order_id": str(payment.order_id),
        "order_number": payment.order_number,
        "user_id": str(payment.user_id) if payment.user_id else None,
        "payment_id": str(payment.pk),
    }
    key, subject = str(payment.order_id), f"payment/{payment.pk}"
    return PaymentEvent(f"crossborder.payment.{name}.v1", key, subject, payment.version, {**reference, **data})
