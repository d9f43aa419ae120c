"""Opening the books: what payments had moved before there were any."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from outbox.transactions import retry_conflicts

from payments.domain.facts import State
from payments.domain.ledger import Posting, posting
from payments.models import Payment
from payments.use_cases import ledger

MOVED = (State.AUTHORIZED, State.CAPTURED)
BATCH = 500


def open_ledger() -> int:
    """Post each payment that holds or has taken money and is not in the books; how many. Again: none."""
    done = 0
    while ids := list(_unposted().values_list("pk", flat=True)[:BATCH]):
        done += sum(retry_conflicts(partial(_open, pk)) for pk in ids)
    return done


def _unposted():
    return Payment.objects.filter(state__in=[str(state) for state in MOVED], postings=None)


def _open(payment_id) -> bool:
    """As of when the payment was made, so that no settlement report is asked about it."""
    with transaction.atomic(savepoint=False):
        payment = Payment.objects.locked(pk=payment_id)
        if payment is None or payment.postings.exists():
            return False
        ledger.write(_postings(payment), provider=payment.provider, payment=payment, now=payment.created_at)
    return True


def _postings(payment: Payment) -> list[Posting]:
    total, currency = payment.total_minor, payment.currency
    found = [posting("authorized", total, currency)]
    if payment.state == State.CAPTURED:
        found.append(posting("captured", total, currency))
    back = (row for row in payment.refund_rows if row.state == "succeeded")
    return found + [posting("refunded", row.amount_minor, currency, str(row.pk)) for row in back]
