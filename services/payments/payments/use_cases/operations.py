"""Speaking with the provider: a call is made outside of every transaction, its result written down in one.

After silence nobody guesses: the object is read, and only when the provider does not have the effect is it asked again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from outbox.publishing import publish
from outbox.transactions import retry_conflicts

from payments import metrics
from payments.domain.settlement import Kind, Observation, Seen, State, is_done, observe
from payments.models import Attempt, Payment, ProviderOperation
from payments.providers.base import Order, Refused, Unanswered
from payments.providers.registry import provider_named
from payments.use_cases.payments import advance, save

logger = logging.getLogger(__name__)
ANSWER_BY = timedelta(seconds=30)
FIRST_READ_AFTER = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=5)
REFUSED_AGAIN_AFTER = timedelta(minutes=1)
LOST_ATTEMPT_LOOKED_FOR = timedelta(days=1)


@dataclass(frozen=True)
class PaymentEvent:
    type: str
    key: str
    subject: str
    sequence: int
    data: dict[str, Any]


def perform(*, operation_id: UUID) -> None:
    """Make a pending call, once: who wins the compare-and-swap makes it."""
    now = timezone.now()
    mine = ProviderOperation.objects.filter(pk=operation_id, state="pending")
    if not mine.update(state="sent", sent_at=now, next_look_at=now + ANSWER_BY):
        return
    operation = ProviderOperation.objects.select_related("payment", "attempt", "refund").get(pk=operation_id)
    try:
        seen = _call(operation)
    except Unanswered as silence:
        logger.warning("the provider did not answer: %s", silence, extra={"operation": str(operation_id)})
        look = timezone.now() + FIRST_READ_AFTER
        unknown = ProviderOperation.objects.filter(pk=operation_id, state="sent")
        unknown.update(state="unknown", next_look_at=look, error=str(silence)[:300])
        return
    except Refused as refusal:
        _record_refusal(operation, refusal)
        return
    record(operation_id=operation_id, seen=seen)


def read_back(*, operation_id: UUID) -> None:
    """Read what became of a call that nobody answered, or whose worker died."""
    operation = ProviderOperation.objects.select_related("payment", "attempt").get(pk=operation_id)
    if operation.state not in {"sent", "unknown"}:
        return
    try:
        seen = _read(operation.payment.provider, operation.attempt)
    except (Unanswered, Refused) as error:
        wait = min(FIRST_READ_AFTER * 2**operation.reads, LONGEST_WAIT)
        ProviderOperation.objects.filter(pk=operation_id).update(
            state="unknown", reads=operation.reads + 1, next_look_at=timezone.now() + wait, error=str(error)[:300]
        )
        return
    record(operation_id=operation_id, seen=seen)


def record(*, operation_id: UUID, seen: Seen | None) -> None:
    """Write down what the provider shows, close the operation, and go on with what is due."""
    retry_conflicts(lambda: _record(operation_id, seen))


def _record(operation_id: UUID, seen: Seen | None) -> None:
    now = timezone.now()
    with transaction.atomic(savepoint=False):
        operation = ProviderOperation.objects.select_related("attempt", "refund").get(pk=operation_id)
        payment = Payment.objects.locked(pk=operation.payment_id)
        operation.refresh_from_db()
        if payment is None or operation.state not in {"sent", "unknown"}:
            return
        _apply(payment, operation.attempt, seen, now)
        if seen is not None and seen.status == "processing":
            operation.state, operation.next_look_at = "unknown", now + FIRST_READ_AFTER
            operation.save()
            return
        refund = str(operation.refund_id) if operation.refund_id else None
        if seen is not None and refund and seen.refunds.get(refund) == "pending":
            operation.state, operation.next_look_at = "unknown", now + FIRST_READ_AFTER
            operation.save()
            return
        operation.state = "done" if is_done(Kind(operation.kind), seen, refund=refund) else "not_executed"
        operation.open_payment = None
        operation.save()
        advance(payment, now)


def _record_refusal(operation: ProviderOperation, refusal: Refused) -> None:
    """The provider will not do it. An attempt counts as declined, a capture as refused for good; else it is read."""
    payment = operation.payment
    logger.warning("the provider refused %s: %s", operation.kind, refusal, extra={"operation": str(operation.pk)})
    status = {Kind.AUTHORIZE: "declined", Kind.CAPTURE: "capture_refused"}.get(Kind(operation.kind))
    if status is not None:
        seen = Seen(status, payment.total_minor, payment.currency, timezone.now(), code=refusal.code)
        record(operation_id=operation.pk, seen=seen)
        return
    try:
        seen_now = _read(payment.provider, operation.attempt)
    except (Unanswered, Refused):
        seen_now = None
    if seen_now is not None and (
        is_done(Kind(operation.kind), seen_now) or seen_now.status == "captured" != payment.state
    ):
        record(operation_id=operation.pk, seen=seen_now)
        return
    if operation.refund_id:
        refused = {str(operation.refund_id): "failed"}
        seen = Seen("captured", payment.total_minor, payment.currency, timezone.now(), refunds=refused)
        record(operation_id=operation.pk, seen=seen)
        return
    again = timezone.now() + REFUSED_AGAIN_AFTER
    ProviderOperation.objects.filter(pk=operation.pk).update(
        state="unknown", next_look_at=again, error=str(refusal)[:300]
    )


def look(*, attempt_id: UUID) -> None:
    """Read an attempt's object without having asked for anything: a webhook came, or the sweep wonders.

    While an operation on it is open, its result is waited for: what is seen now may be older than what was asked.
    """
    attempt = Attempt.objects.select_related("payment").get(pk=attempt_id)
    asked = _open_operation(attempt)
    if asked is not None:
        if asked.kind == Kind.AUTHORIZE and asked.state == "unknown":
            read_back(operation_id=asked.pk)
        return
    seen = _read(attempt.payment.provider, attempt)
    retry_conflicts(lambda: _record_look(attempt_id, seen))


def _open_operation(attempt: Attempt) -> ProviderOperation | None:
    return attempt.operations.filter(open_payment=attempt.payment_id).first()


def _record_look(attempt_id: UUID, seen: Seen | None) -> None:
    now = timezone.now()
    with transaction.atomic(savepoint=False):
        attempt = Attempt.objects.get(pk=attempt_id)
        payment = Payment.objects.locked(pk=attempt.payment_id)
        attempt.refresh_from_db()
        if payment is None or _open_operation(attempt) is not None:
            return
        if attempt.look_again_at is not None:
            age = now - attempt.created_at
            attempt.look_again_at = now + 2 * age if age < LOST_ATTEMPT_LOOKED_FOR else None
            attempt.save(update_fields=["look_again_at"])
        if seen is None:  # what was asked for is found out by its operation, not by a look
            return
        _apply(payment, attempt, seen, now)
        advance(payment, now)


def _apply(payment: Payment, attempt: Attempt, seen: Seen | None, now: datetime) -> None:
    """One look at the provider, written down: the payment, its attempt, its refunds, its events."""
    facts = payment.facts(now)
    current = attempt.state == "current"
    observed = observe(facts, seen, current=current)
    after = observed.payment
    payment.state = after.state
    if seen is not None:
        attempt.object_id = attempt.object_id or seen.object_id or None
        attempt.redirect_url, attempt.code = seen.redirect_url, seen.code[:60]
    _move_attempt(attempt, observed, seen, was_current=current, now=now)
    attempt.save()
    if after.state in {State.AUTHORIZED, State.CAPTURED}:
        payment.attempts.filter(state="queued").update(state="ended")
    for refund in after.refunds:
        if refund.state != "requested":
            payment.refunds.filter(pk=refund.id, state="requested").update(state=refund.state, answered_at=now)
    _say(payment, observed)


def _move_attempt(
    attempt: Attempt, observed: Observation, seen: Seen | None, *, was_current: bool, now: datetime
) -> None:
    if observed.alarm:
        attempt.state = "surplus"
    elif was_current and observed.payment.state is State.CREATED:
        attempt.state = "ended"
        attempt.look_again_at = now + timedelta(minutes=1) if seen is None else None
    elif attempt.state == "surplus" and is_done(Kind.GIVE_BACK, seen):
        attempt.state = "given_back"


def _say(payment: Payment, observed: Observation) -> None:
    if observed.alarm:
        metrics.ALARMS.inc()
        logger.error("ALARM: %s", observed.alarm, extra={"order_id": str(payment.order_id)})
    for said in observed.said:
        metrics.PAYMENTS.labels(said.name).inc()
        payment.last_code = said.data.get("code", "")
        save(payment)
        publish(_event(payment, said.name, dict(said.data)))
    if not observed.said:
        save(payment)


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


def _read(provider_name: str, attempt: Attempt) -> Seen | None:
    provider = provider_named(provider_name)
    return provider.read(attempt.object_id) if attempt.object_id else provider.find(str(attempt.pk))


def _call(operation: ProviderOperation) -> Seen:
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
            return provider.authorize(order, key=key)
        case Kind.CAPTURE:
            return provider.capture(object_id, key=key)
        case Kind.REFUND if (refund := operation.refund) is not None:
            return provider.refund(object_id, refund_id=str(refund.pk), amount_minor=refund.amount_minor, key=key)
        case Kind.GIVE_BACK if (seen := provider.read(object_id)) is not None and seen.status == "captured":
            return provider.refund(
                object_id, refund_id=f"surplus-{attempt.pk}", amount_minor=seen.amount_minor, key=key
            )
        case _:
            return provider.cancel(object_id, key=key)
