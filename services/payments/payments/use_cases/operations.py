"""Speaking with the provider: a call is made outside of every transaction, its result written down in one.

After silence nobody guesses: the object is read, and only when the provider does not have the effect is it asked again.
What follows from an answer is done at once, by the same worker; if it dies, the sweep finds the row.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from outbox.crashpoints import reach
from outbox.transactions import retry_conflicts

from payments.domain.facts import Kind, Seen
from payments.domain.refunds import refund_result
from payments.domain.settlement import is_done
from payments.models import Attempt, Payment, ProviderOperation
from payments.providers.base import Refused, Unanswered
from payments.use_cases import calls
from payments.use_cases.calls import ANSWER_BY
from payments.use_cases.observing import write_down
from payments.use_cases.payments import advance
from payments.use_cases.telling import save

logger = logging.getLogger(__name__)
FIRST_READ_AFTER = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=5)
REFUSED_AGAIN_AFTER = timedelta(minutes=1)
LOST_ATTEMPT_LOOKED_FOR = timedelta(days=1)
GIVE_BACK_AGAIN_AFTER = timedelta(minutes=1)
LONGEST_GIVE_BACK_WAIT = timedelta(hours=1)
MONEY_BACK = {Kind.REFUND, Kind.GIVE_BACK}
STARTED = ("sent", "unknown")


def perform(*, operation_id: UUID) -> None:
    """Make a pending call, once: who wins the compare-and-swap makes it. Then what follows from its result."""
    following: UUID | None = operation_id
    while following is not None:
        following = _perform(following)


def _perform(operation_id: UUID) -> UUID | None:
    now = timezone.now()
    mine = ProviderOperation.objects.filter(pk=operation_id, state="pending")
    if not mine.update(state="sent", sent_at=now, next_look_at=now + ANSWER_BY):
        return None
    operation = ProviderOperation.objects.select_related("payment", "attempt", "refund").get(pk=operation_id)
    reach("payments.before_call")
    try:
        seen = calls.call(operation)
    except Unanswered as silence:
        logger.warning("the provider did not answer: %s", silence, extra={"operation": str(operation_id)})
        look = timezone.now() + FIRST_READ_AFTER
        unknown = ProviderOperation.objects.filter(pk=operation_id, state="sent")
        unknown.update(state="unknown", next_look_at=look, error=str(silence)[:300])
        return None
    except Refused as refusal:
        return _record_refusal(operation, refusal)
    reach("payments.after_call")
    return record(operation=operation, seen=seen)


def read_back(*, operation_id: UUID) -> None:
    """Read what became of a call that nobody answered, or whose worker died."""
    operation = ProviderOperation.objects.select_related("payment", "attempt").get(pk=operation_id)
    if operation.state not in STARTED:
        return
    try:
        seen = calls.read(operation.payment.provider, operation.attempt)
    except (Unanswered, Refused) as error:
        look, reads = timezone.now() + read_after(operation.reads), min(operation.reads + 1, 1000)
        ProviderOperation.objects.filter(pk=operation_id).update(
            state="unknown", reads=reads, next_look_at=look, error=str(error)[:300]
        )
        return
    record(operation=operation, seen=seen, wake=True)


def read_after(reads: int) -> timedelta:
    """How long to wait before an operation is read that was read so often already."""
    return min(FIRST_READ_AFTER * 2 ** min(reads, 10), LONGEST_WAIT)


def record(*, operation: ProviderOperation, seen: Seen | None, wake: bool = False) -> UUID | None:
    """Write down what the provider shows, close the operation, and begin what is due now: the next one, if any.

    Its task is woken, or it is the caller's to perform.
    """
    return retry_conflicts(lambda: _record(operation, seen, wake))


def _record(asked: ProviderOperation, seen: Seen | None, wake: bool) -> UUID | None:
    now = timezone.now()
    with transaction.atomic(savepoint=False):
        payment = Payment.objects.locked(pk=asked.payment_id)
        operation = next((row for row in payment.operation_rows if row.pk == asked.pk), None) if payment else None
        if payment is None or operation is None or operation.state not in STARTED:
            return None
        if operation.sent_at != asked.sent_at:  # it was sent after this was seen
            return None
        attempt = next(row for row in payment.attempt_rows if row.pk == operation.attempt_id)
        sent = _references(payment, operation) if operation.kind in MONEY_BACK else []
        observed = write_down(payment, attempt, seen, now, sent=sent)
        result = refund_result(seen, sent) if seen is not None else None
        if seen is not None and (seen.status == "processing" or result == "pending"):
            operation.state, operation.next_look_at = "unknown", now + read_after(operation.reads)
            operation.reads = min(operation.reads + 1, 1000)
            operation.save(update_fields=["state", "next_look_at", "reads"])
            save(payment, now, *observed.said, postings=observed.postings)
            return None
        operation.state = "done" if is_done(Kind(operation.kind), seen, sent=sent) else "not_executed"
        operation.open_payment = None
        operation.save(update_fields=["state", "open_payment"])
        if operation.kind == Kind.GIVE_BACK and result == "failed":
            _try_again_later(operation, attempt, now)
        begun = advance(payment, now, *observed.said, wake=wake, postings=observed.postings)
        reach("payments.before_commit")
    reach("payments.after_commit")
    return begun


def _references(payment: Payment, operation: ProviderOperation) -> list[str]:
    """Under which this and all earlier sendings of the same went out, this one last."""
    return [
        row.reference
        for row in payment.operation_rows
        if row.business_key == operation.business_key and row.attempt_number <= operation.attempt_number
    ]


def _try_again_later(operation: ProviderOperation, attempt: Attempt, now: datetime) -> None:
    """A surplus stays one until it has gone back; someone should know that it does not."""
    wait = min(GIVE_BACK_AGAIN_AFTER * 2 ** min(operation.attempt_number - 1, 10), LONGEST_GIVE_BACK_WAIT)
    logger.error("ALARM: a surplus could not be given back", extra={"operation": str(operation.pk)})
    attempt.look_again_at = now + wait
    attempt.save(update_fields=["look_again_at"])


def _record_refusal(operation: ProviderOperation, refusal: Refused) -> UUID | None:
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
        return record(operation=operation, seen=seen)
    again = timezone.now() + REFUSED_AGAIN_AFTER
    ProviderOperation.objects.filter(pk=operation.pk).update(state="unknown", next_look_at=again, error=error)
    return None


def _refused(operation: ProviderOperation, refusal: Refused, seen: Seen | None) -> Seen | None:
    """What the object and the refusal together show; None: nothing yet."""
    payment, kind = operation.payment, Kind(operation.kind)
    if kind is Kind.AUTHORIZE and seen is None:
        return Seen("declined", payment.total_minor, payment.currency, timezone.now(), code=refusal.code)
    if seen is None:
        return None
    if kind is Kind.AUTHORIZE and seen.status == "unconfirmed":
        return replace(seen, status="declined", code=refusal.code)
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
    asked = attempt.operations.filter(open_payment=attempt.payment_id).first()
    if asked is not None:
        if asked.kind == Kind.AUTHORIZE and asked.state == "unknown":
            read_back(operation_id=asked.pk)
        return
    seen = calls.read(attempt.payment.provider, attempt)
    retry_conflicts(lambda: _record_look(attempt, seen))


def _record_look(asked: Attempt, seen: Seen | None) -> None:
    now = timezone.now()
    with transaction.atomic(savepoint=False):
        payment = Payment.objects.locked(pk=asked.payment_id)
        attempt = next((row for row in payment.attempt_rows if row.pk == asked.pk), None) if payment else None
        if payment is None or attempt is None:
            return
        if payment.open_operation is not None and payment.open_operation.attempt_id == attempt.pk:
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
        observed = write_down(payment, attempt, seen, now)
        advance(payment, now, *observed.said, postings=observed.postings)
