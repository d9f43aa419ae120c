"""Money that orders wants given back, and a person who sends a failed refund once more."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.problems import Conflict, NotFound
from django.db import transaction

from payments.domain.observations import Said
from payments.domain.refunds import answer
from payments.domain.settlement import settle
from payments.models import Payment, Refund
from payments.use_cases.payments import advance, refuse

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RefundRequest:
    id: UUID
    amount_minor: int
    currency: str
    reason: str


def ask_refund(*, order_id: UUID, request: RefundRequest, repeat: int = 0, now: datetime) -> None:
    """Orders wants money given back. Asked twice, it is the same refund; asked again, a stored answer is told again.

    What there is no money for (`nothing_captured`, `refund_exceeds_captured`), or what cannot be (`wrong_currency`,
    `no_amount`), is answered by payment.refund_failed at once.
    """
    with transaction.atomic(savepoint=False):
        payment = Payment.objects.locked(order_id=order_id)
        if payment is None:
            logger.error("ALARM: a refund for a payment that is not ours", extra={"order_id": str(order_id)})
            return
        known = next((row for row in payment.refund_rows if row.pk == UUID(str(request.id))), None)
        if known is None:
            advance(payment, now, *_added(payment, request, now))
        elif repeat:
            advance(payment, now, *_answer_again(payment, known, now))


def _added(payment: Payment, request: RefundRequest, now: datetime) -> list[Said]:
    """A row that is refused at once is written as such."""
    row = Refund(
        id=UUID(str(request.id)),
        payment=payment,
        amount_minor=request.amount_minor,
        asked_by_order=True,
        reason=request.reason[:60],
        created_at=now,
    )
    payment.refund_rows.append(row)
    if request.currency != payment.currency:
        return [refuse(payment, str(row.pk), "wrong_currency", now)]
    if request.amount_minor <= 0:
        return [refuse(payment, str(row.pk), "no_amount", now)]
    action = settle(payment.facts(now))
    if action is None or action.refuse != str(row.pk):
        row.save(force_insert=True)
    return []


def _answer_again(payment: Payment, row: Refund, now: datetime) -> list[Said]:
    """Nothing while it has no answer yet."""
    if row.state == "requested":
        return []
    facts = next(refund for refund in payment.facts(now).refunds if refund.id == str(row.pk))
    return [answer(facts, row.state, payment.currency, row.code)]


def retry_refund(*, payment_id: UUID, refund_id: UUID, now: datetime) -> None:
    """Raises NotFound, or Conflict `refund_not_failed`; what was refused has no money to be sent."""
    with transaction.atomic(savepoint=False):
        payment = Payment.objects.locked(pk=payment_id)
        refund = next((row for row in payment.refund_rows if row.pk == refund_id), None) if payment else None
        if payment is None or refund is None:
            raise NotFound("There is no such refund.")
        if refund.state != "failed":
            raise Conflict("refund_not_failed", f"The refund is {refund.state}.")
        refund.state = "requested"
        refund.save(update_fields=["state"])
        advance(payment, now)
