"""Writing into the books, and reading their balances."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Sum

from payments.domain.ledger import Posting
from payments.models import LedgerEntry, LedgerPosting, Payment


def key_of(posting: Posting, payment: Payment | None) -> str:
    """The business key: what happened to what. Nothing happens twice under one."""
    return f"{posting.kind}:{posting.subject or (payment.pk if payment else '')}"


def write(postings: Iterable[Posting], *, provider: str, payment: Payment | None, now: datetime) -> None:
    """In the transaction of what they tell of. A key that is there already is an IntegrityError: all is rolled back."""
    write_all([(posting, payment) for posting in postings], provider=provider, now=now)


def write_all(postings: list[tuple[Posting, Payment | None]], *, provider: str, now: datetime) -> None:
    """Many in two statements."""
    rows, entries = [], []
    for posting, payment in postings:
        row = LedgerPosting(
            business_key=key_of(posting, payment),
            kind=posting.kind,
            reference=posting.subject,
            provider=provider,
            payment=payment,
            created_at=now,
        )
        rows.append(row)
        entries += [
            LedgerEntry(posting=row, account=account, currency=posting.currency, amount_minor=amount)
            for account, amount in posting.entries
        ]
    if rows:
        LedgerPosting.objects.bulk_create(rows)
        LedgerEntry.objects.bulk_create(entries)


def balances(**where: Any) -> list[tuple[str, str, int]]:
    """(account, currency, minor units) of all entries, or of those that `where` chooses."""
    sums = LedgerEntry.objects.filter(**where).values_list("account", "currency").annotate(Sum("amount_minor"))
    return [(account, currency, int(amount)) for account, currency, amount in sums.order_by("account", "currency")]
