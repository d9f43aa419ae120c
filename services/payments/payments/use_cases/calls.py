"""The calls themselves: what each kind of operation asks of the provider."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from django.utils import timezone

from payments.domain.facts import Kind, Seen
from payments.domain.refunds import refund_result
from payments.models import Attempt, ProviderOperation
from payments.providers.base import Order, Provider, Unanswered
from payments.providers.registry import provider_named

ANSWER_BY = timedelta(seconds=30)


def read(provider_name: str, attempt: Attempt) -> Seen | None:
    """The attempt's object as the provider has it; None when it has none. Raises ProviderError."""
    provider = provider_named(provider_name)
    return provider.read(attempt.object_id) if attempt.object_id else provider.find(str(attempt.pk))


def call(operation: ProviderOperation) -> Seen:
    """Make the call of an operation, once. Raises ProviderError."""
    payment, attempt, key = operation.payment, operation.attempt, operation.idempotency_key
    provider = provider_named(payment.provider)
    object_id = attempt.object_id or ""  # only an authorisation is asked for before there is an object
    match operation.kind:
        case Kind.AUTHORIZE:
            order = Order(
                reference=str(attempt.pk),
                amount_minor=payment.total_minor,
                currency=payment.currency,
                payment_method=attempt.payment_method,
                return_url=attempt.return_url,
                description=payment.order_number,
            )
            return provider.authorize(order, key=key, keep=partial(_keep, attempt))
        case Kind.CAPTURE:
            return provider.capture(object_id, key=key)
        case Kind.REFUND if (refund := operation.refund) is not None:
            seen = provider.read(object_id) if operation.attempt_number > 1 else None
            return _refund(provider, operation, seen, object_id, refund.amount_minor)
        case Kind.GIVE_BACK if (seen := provider.read(object_id)) is not None and seen.status == "captured":
            return _refund(provider, operation, seen, object_id, seen.amount_minor)
        case _:
            return provider.cancel(object_id, key=key)


def _keep(attempt: Attempt, object_id: str) -> None:
    """From now on the object can be read, whatever becomes of the call."""
    Attempt.objects.filter(pk=attempt.pk, object_id=None).update(object_id=object_id)
    attempt.object_id = attempt.object_id or object_id


def _refund(
    provider: Provider, operation: ProviderOperation, seen: Seen | None, object_id: str, amount_minor: int
) -> Seen:
    """Nothing is sent while an earlier sending is on its way, or once one has arrived."""
    if seen is not None and refund_result(seen, operation.sent()) in {"succeeded", "pending"}:
        return seen
    if seen is not None:
        _begin_anew(operation)
    reference, key = operation.reference, operation.idempotency_key
    return provider.refund(object_id, refund_id=reference, amount_minor=amount_minor, key=key)


def _begin_anew(operation: ProviderOperation) -> None:
    """Reading first took time: who gave this call up meanwhile sends it, not we, and who is reading reads again."""
    now = timezone.now()
    mine = ProviderOperation.objects.filter(pk=operation.pk, state="sent", sent_at=operation.sent_at)
    if not mine.update(sent_at=now, next_look_at=now + ANSWER_BY):
        raise Unanswered("it took too long to read what had been sent before; nothing was sent")
    operation.sent_at = now
