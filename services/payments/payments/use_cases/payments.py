"""What orders tell us, what shoppers ask for, and moving each payment to where it is due."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.problems import Conflict, NotFound
from chassis.tasks import enqueue
from django.conf import settings
from django.db import transaction
from uuid_utils.compat import uuid7

from payments.domain.facts import Kind, State
from payments.domain.observations import Said
from payments.domain.refunds import answer
from payments.domain.settlement import Action, is_retryable, settle
from payments.models import Attempt, Payment, ProviderOperation, Refund
from payments.use_cases.telling import capture_failed, captured, save

logger = logging.getLogger(__name__)
WAKE_LOST_AFTER = timedelta(seconds=5)
LOOK_AGAIN_EVERY = timedelta(seconds=30)
DISPUTE_LOOKED_AT_EVERY = timedelta(hours=6)
FAILED_LOOKED_AT_AFTER = timedelta(seconds=5)
CAPTURE_FAILED = "failed"
MOST_ATTEMPTS = 10


def open_payment(*, data: dict[str, Any], expires_at: datetime, now: datetime) -> None:
    """An order asks to be paid; asked twice, it is the same payment."""
    payment = Payment(
        id=data["payment_id"],
        order_id=data["order_id"],
        order_number=data["order_number"],
        user_id=data["user_id"],
        guest_token_sha256=data["guest_token_sha256"],
        total_minor=data["total"]["amount_minor"],
        currency=data["total"]["currency"],
        expires_at=expires_at,
        provider=settings.PAYMENTS_PROVIDER,
        created_at=now,
    )
    Payment.objects.bulk_create([payment], ignore_conflicts=True)


def allow_capture(*, order_id: UUID, repeat: int = 0, now: datetime) -> None:
    """The order is confirmed: what was authorised may be captured. Asked again, a stored answer is told again."""
    with transaction.atomic(savepoint=False):
        payment = Payment.objects.locked(order_id=order_id)
        if payment is None:
            return
        payment.confirmed = True
        again: tuple[Said, ...] = ()
        if repeat and payment.capture_code:
            again = (capture_failed(payment),)
        elif repeat and payment.captured_at is not None:
            again = (captured(payment),)
        advance(payment, now, *again)


def close_payment(*, order_id: UUID, by: str, now: datetime) -> None:
    """The order is rejected, expired or cancelled: nothing is due any more, whatever was paid goes back."""
    with transaction.atomic(savepoint=False):
        payment = Payment.objects.locked(order_id=order_id)
        if payment is not None and payment.closed_by in {"", CAPTURE_FAILED}:
            payment.closed_by = by
            end_queued(payment)
            advance(payment, now)


def confirm_payment(*, payment: Payment, payment_method: str, return_url: str, now: datetime) -> Payment:
    """The shopper pays with a method; an attempt that waits for them is cancelled first, then this one starts.

    Raises Conflict: `order_closed` once nothing is due or time is up, `payment_in_progress`, `already_paid`,
    `payment_refused` after a code that forbids another try, `too_many_attempts` after MOST_ATTEMPTS.
    """
    with transaction.atomic(savepoint=False):
        locked = Payment.objects.locked(pk=payment.pk)
        if locked is None:
            raise NotFound()
        _refuse_confirmation(locked, now)
        attempt = Attempt.objects.create(
            payment=locked,
            number=len(locked.attempt_rows) + 1,
            payment_method=payment_method,
            return_url=return_url,
            state="queued",
            created_at=now,
        )
        locked.attempt_rows.append(attempt)
        advance(locked, now)
    return locked


def _refuse_confirmation(payment: Payment, now: datetime) -> None:
    facts = payment.facts(now)
    if facts.state in {State.AUTHORIZED, State.CAPTURED}:
        raise Conflict("already_paid", "This order is paid already.")
    if facts.due_minor == 0 or facts.expired or facts.state not in {State.CREATED, State.SENT, State.WAITING}:
        raise Conflict("order_closed", "Nothing is to be paid here any more; the order is closed or its time is up.")
    if facts.state is State.SENT or facts.queued is not None or facts.operation is not None:
        raise Conflict(
            "payment_in_progress",
            "An earlier attempt is at the provider. Ask for the payment again.",
            headers={"Retry-After": "1"},
        )
    if not is_retryable(payment.last_code):
        raise Conflict("payment_refused", "The last attempt was refused for good; this order cannot be paid.")
    if len(payment.attempt_rows) >= MOST_ATTEMPTS:
        raise Conflict("too_many_attempts", f"There were {MOST_ATTEMPTS} attempts to pay; there can be no more.")


def settle_payment(*, payment_id: UUID, now: datetime) -> None:
    """Look whether something is to be done for this payment, and begin it."""
    with transaction.atomic(savepoint=False):
        payment = Payment.objects.locked(pk=payment_id)
        if payment is not None:
            advance(payment, now)


def advance(payment: Payment, now: datetime, *said: Said, wake: bool = True, postings: tuple = ()) -> UUID | None:
    """Under the payment's lock: do what `settle` says until it needs the provider or has nothing to do; then save.

    Says `said` first. Returns the operation that was begun, whose task is woken unless the caller performs it.
    """
    begun, told = None, list(said)
    while (action := settle(payment.facts(now))) is not None:
        if action.kind is not None:
            begun = _begin(payment, action, now, wake=wake)
            break
        if action.own_refund_minor:
            _add_own_refund(payment, action.own_refund_minor, now)
        if action.refuse is not None:
            told.append(refuse(payment, action.refuse, action.code, now))
        if action.state is not None:
            payment.state = action.state
    payment.settle_at = _look_at(payment, now)
    save(payment, now, *told, postings=postings)
    return begun


def end_queued(payment: Payment) -> None:
    """An attempt that waited for its turn will not have it."""
    if queued := [row for row in payment.attempt_rows if row.state == "queued"]:
        Attempt.objects.filter(pk__in=[row.pk for row in queued]).update(state="ended")
        for row in queued:
            row.state = "ended"


def refuse(payment: Payment, refund_id: str, code: str, now: datetime) -> Said:
    """There is no money for a refund that was asked for: that is its answer, and someone must know."""
    row = next(row for row in payment.refund_rows if str(row.pk) == refund_id)
    facts = next(refund for refund in payment.facts(now).refunds if refund.id == refund_id)
    row.state, row.code, row.answered_at = "refused", code, now
    row.save(force_insert=row._state.adding)
    logger.error("ALARM: a refund is refused: %s", code, extra={"refund": refund_id, "order": payment.order_number})
    return answer(facts, "refused", payment.currency, code)


def _add_own_refund(payment: Payment, amount_minor: int, now: datetime) -> None:
    refund = Refund.objects.create(
        payment=payment, amount_minor=amount_minor, asked_by_order=False, reason="order_closed", created_at=now
    )
    payment.refund_rows.append(refund)


def _look_at(payment: Payment, now: datetime) -> datetime | None:
    """When the sweep reads the object of the attempt that counts, without being told to."""
    if payment.state == State.WAITING:
        return now + LOOK_AGAIN_EVERY
    if payment.state == State.FAILED and payment.current_attempt is not None:
        return now + FAILED_LOOKED_AT_AFTER
    if payment.dispute_state == "open":
        return now + DISPUTE_LOOKED_AT_EVERY
    return None


def _begin(payment: Payment, action: Action, now: datetime, *, wake: bool) -> UUID:
    """Write the operation down before it is made; it is made after the commit."""
    attempt = _attempt_of(payment, action)
    if action.kind is Kind.AUTHORIZE:
        attempt.state, payment.state = "current", State.SENT
        attempt.save(update_fields=["state"])
    business_key = f"{action.kind}:{action.refund or attempt.pk}"
    operation = ProviderOperation.objects.create(
        id=uuid7(),
        payment=payment,
        open_payment=payment.pk,
        kind=str(action.kind),
        business_key=business_key,
        attempt_number=1 + sum(row.business_key == business_key for row in payment.operation_rows),
        attempt=attempt,
        refund_id=action.refund,
        created_at=now,
        next_look_at=now + WAKE_LOST_AFTER,
    )
    payment.operation_rows.append(operation)
    if wake:
        enqueue("payments.tasks.perform_operation", operation.pk)
    return operation.pk


def _attempt_of(payment: Payment, action: Action) -> Attempt:
    if action.attempt is not None:
        return next(row for row in payment.attempt_rows if str(row.pk) == action.attempt)
    return next(row for row in payment.attempt_rows if row.state == "current")
