"""A person sends a failed refund once more."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from chassis.problems import Conflict, NotFound
from django.db import transaction

from payments.models import Payment
from payments.use_cases.payments import advance


def retry_refund(*, payment_id: UUID, refund_id: UUID, now: datetime) -> None:
    """Raises NotFound, or Conflict `refund_not_failed`."""
    with transaction.atomic(savepoint=False):
        payment = Payment.objects.locked(pk=payment_id)
        refund = payment.refunds.filter(pk=refund_id).first() if payment else None
        if payment is None or refund is None:
            raise NotFound("There is no such refund.")
        if refund.state != "failed":
            raise Conflict("refund_not_failed", f"The refund is {refund.state}.")
        refund.state = "requested"
        refund.save(update_fields=["state"])
        advance(payment, now)
