"""Speaking with the provider: a call is made outside of every transaction, its result written down in one.

After silence nobody guesses: the object is read, and only when the provider does not have the effect is it asked again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from outbox.publishing import publish
from outbox.transactions import retry_conflicts

from payments.domain.facts import Kind, Seen, State
from payments.domain.settlement import Observation, is_done, observe, refund_result
from payments.models import Attempt, Payment, ProviderOperation
from payments.providers.base import Refused, Unanswered
from payments.use_cases import calls
from payments.use_cases.payments import CAPTURE_FAILED, advance, save

logger = logging.getLogger(__name__)
ANSWER_BY = timedelta(seconds=30)
FIRST_READ_AFTER = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=5)
REFUSED_AGAIN_AFTER = timedelta(minutes=1)
LOST_ATTEMPT_LOOKED_FOR = timedelta(days=1)
GIVE_BACK_AGAIN_AFTER = timedelta(minutes=1)
LONGEST_GIVE_BACK_WAIT = timedelta(hours=1)
MONEY_BACK = {Kind.REFUND, Kind.GIVE_BACK}


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
        seen = calls.call(operation)
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
        seen = calls.read(operation.payment.provider, operation.attempt)
    except (Unanswered, Refused) as error:
        look, reads = timezone.now() + read_after(operation.reads), min(operation.reads + 1, 1000)
        ProviderOperation.objects.filter(pk=operation_id).update(
            state="unknown", reads=reads, next_look_at=look, error=str(error)[:300]
        )
        return
    record(operation_id=operation_id, seen=seen)


def read_after(reads: int) -> timedelta:
    """How long to wait before an operation is read that was read so often already."""
    return min(FIRST_READ_AFTER * 2 ** min(reads, 10), LONGEST_WAIT)


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
        sent = operation.sent() if operation.kind in MONEY_BACK else []
        _apply(payment, operation.attempt, seen, now, sent=sent)
        result = refund_result(seen, sent) if seen is not None else None
        if seen is not None and (seen.status == "processing" or result == "pending"):
            operation.state, operation.next_look_at = "unknown", now + FIRST_READ_AFTER
            operation.save()
            return
        operation.state = "done" if is_done(Kind(operation.kind), seen, sent=sent) else "not_executed"
        operation.open_payment = None
        operation.save()
        if operation.kind == Kind.GIVE_BACK and result == "failed":
            _try_again_later(operation, now)
        advance(payment, now)


def _try_again_later(operation: ProviderOperation, now: datetime) -> None:
    """A surplus stays one until it has gone back; someone should know that it does not."""
    wait = min(GIVE_BACK_AGAIN_AFTER * 2 ** min(operation.attempt_number - 1, 10), LONGEST_GIVE_BACK_WAIT)
    logger.error("ALARM: a surplus could not be given back", extra={"operation": str(operation.pk)})
    operation.attempt.look_again_at = now + wait
    operation.attempt.save(update_fields=["look_again_at"])


def _record_refusal(operation: ProviderOperation, refusal: Refused) -> None:
    """The provider will not do it. Perhaps it has been done: the object is read before that is written down."""
    payment, kind = operation.payment, Kind(operation.kind)
    logger.warning("the provider refused %s: %s", kind, refusal, extra={"operation": str(operation.pk)})
    error = str(refusal)[:300]
    try:
        seen = calls.read(payment.provider, operation.attempt)
    except (Unanswered, Refused):
        seen = None
    else:
        seen = _refused(operation, refusal, seen)
    if seen is not None:
        record(operation_id=operation.pk, seen=seen)
        return
    again = timezone.now() + REFUSED_AGAIN_AFTER
    ProviderOperation.objects.filter(pk=operation.pk).update(state="unknown", next_look_at=again, error=error)


def _refused(operation: ProviderOperation, refusal: Refused, seen: Seen | None) -> Seen | None:
    """What the object and the refusal together show; None: nothing yet."""
    payment, kind = operation.payment, Kind(operation.kind)
    if kind is Kind.AUTHORIZE and seen is None:
        return Seen("declined", payment.total_minor, payment.currency, timezone.now(), code=refusal.code)
    if seen is None:
        return None
    if kind is Kind.CAPTURE and seen.status == "authorized":
        return replace(seen, status="capture_refused", code=refusal.code)
    if kind in MONEY_BACK:
        return replace(seen, refunds={operation.reference: "failed", **seen.refunds})
    if is_done(kind, seen) or seen.status == "captured" != payment.state:
        return seen
    return None


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
    seen = calls.read(attempt.payment.provider, attempt)
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
        if attempt.state == "surplus":
            attempt.look_again_at = None
            attempt.save(update_fields=["look_again_at"])
        elif attempt.look_again_at is not None:
            age = now - attempt.created_at
            attempt.look_again_at = now + 2 * age if age < LOST_ATTEMPT_LOOKED_FOR else None
            attempt.save(update_fields=["look_again_at"])
        if seen is None:  # what was asked for is found out by its operation, not by a look
            return
        _apply(payment, attempt, seen, now)
        advance(payment, now)


def _apply(payment: Payment, attempt: Attempt, seen: Seen | None, now: datetime, *, sent: Iterable[str] = ()) -> None:
    """One look at the provider, written down: the payment, its attempt, its refunds, its events."""
    facts = payment.facts(now)
    current = attempt.state == "current"
    known = attempt.state in {"surplus", "given_back"}
    observed = Observation(facts) if known else observe(facts, seen, current=current)
    after = observed.payment
    payment.state = after.state
    if after.closed and not payment.closed_by:
        payment.closed_by = CAPTURE_FAILED
    if seen is not None:
        attempt.object_id = attempt.object_id or seen.object_id or None
        attempt.redirect_url, attempt.code = seen.redirect_url, seen.code[:60]
    if attempt.state == "surplus" and is_done(Kind.GIVE_BACK, seen, sent=sent):
        attempt.state = "given_back"
    elif not known:
        _move_attempt(attempt, facts.state, observed, seen, now=now)
    attempt.save()
    if after.state in {State.AUTHORIZED, State.CAPTURED}:
        payment.attempts.filter(state="queued").update(state="ended")
    for refund in after.refunds:
        if refund not in facts.refunds:
            payment.refunds.filter(pk=refund.id).update(state=refund.state, answered_at=now)
    _say(payment, observed)


def _move_attempt(attempt: Attempt, before: State, observed: Observation, seen: Seen | None, *, now: datetime) -> None:
    after = observed.payment.state
    if observed.surplus:
        attempt.state, attempt.look_again_at = "surplus", None
    elif attempt.state == "current" and after is State.CREATED:
        attempt.state = "ended"
        attempt.look_again_at = now + timedelta(minutes=1) if seen is None else None
    elif attempt.state == "current" and before is after is State.FAILED:
        attempt.state = "ended"  # read once more after the refusal: nothing is held


def _say(payment: Payment, observed: Observation) -> None:
    if observed.alarm:
        logger.error("ALARM: %s", observed.alarm, extra={"order_id": str(payment.order_id)})
    for said in observed.said:
        payment.last_code = said.data.get("code", "")[:60]
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
