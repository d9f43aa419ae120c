"""Opening the books: what payments had moved before there were any, or what an old process moved since."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from outbox.transactions import retry_conflicts

from payments.domain.facts import State
from payments.domain.ledger import Posting, posting
from payments.models import Payment
from payments.use_cases import ledger

MOVED = Q(state__in=[str(State.AUTHORIZED), str(State.CAPTURED)]) | Q(postings__isnull=False)
LET_GO = {State.VOIDED: "voided", State.FAILED: "capture_failed"}


def open_ledger() -> int:
    """Write what is missing for each payment that holds or has taken money; for how many. Again: none."""
    moved = Payment.objects.filter(MOVED).distinct().order_by("pk").values_list("pk", flat=True)
    return sum(retry_conflicts(partial(_open, pk)) for pk in moved.iterator(chunk_size=1000))


def _open(payment_id: UUID) -> bool:
    """As of when the payment was made, so that no settlement report is asked about it."""
    with transaction.atomic(savepoint=False):
        payment = Payment.objects.locked(pk=payment_id)
        if payment is None:
            return False
        known = set(payment.postings.values_list("business_key", flat=True))
        missing = [each for each in _expected(payment, known) if ledger.key_of(each, payment) not in known]
        ledger.write(missing, provider=payment.provider, payment=payment, now=payment.created_at)
    return bool(missing)


def _expected(payment: Payment, known: set[str]) -> list[Posting]:
    total, currency = payment.total_minor, payment.currency
    found = [posting("authorized", total, currency)]
    if payment.state == State.CAPTURED and f"captured_late:{payment.pk}" not in known:
        found.append(posting("captured", total, currency))
    if (gone := LET_GO.get(State(payment.state))) and not any(key.startswith("capture_failed:") for key in known):
        found.append(posting(gone, total, currency))
    back = (row for row in payment.refund_rows if row.state == "succeeded")
    return found + [posting("refunded", row.amount_minor, currency, str(row.pk)) for row in back]
