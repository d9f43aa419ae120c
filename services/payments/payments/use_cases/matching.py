"""Which posting of ours each line of a settlement report tells of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from payments.domain.ledger import Account
from payments.domain.reconciliation import Booked, keys_of
from payments.models import Attempt, LedgerEntry, LedgerPosting
from payments.providers.base import Settled


@dataclass(frozen=True)
class Match:
    """`attempt`: the object is one of ours; `booked`: so is the movement."""

    attempt: Attempt | None
    booked: Booked | None


def match(provider: str, lines: list[Settled]) -> dict[str, Match]:
    """By line id, in three statements."""
    objects = {line.object_id for line in lines}
    attempts = Attempt.objects.filter(object_id__in=objects, payment__provider=provider).select_related("payment")
    ours = {attempt.object_id: attempt for attempt in attempts}
    keys = {line.line_id: _keys(line, ours.get(line.object_id)) for line in lines}
    wanted = {key for each in keys.values() for key in each}
    rows = list(LedgerPosting.objects.filter(business_key__in=wanted, provider=provider))
    amounts = at_the_provider(rows)
    booked = {row.business_key: amounts[row.pk] for row in rows if row.pk in amounts}
    return {
        line.line_id: Match(
            ours.get(line.object_id), next((booked[key] for key in keys[line.line_id] if key in booked), None)
        )
        for line in lines
    }


def _keys(line: Settled, attempt: Attempt | None) -> list[str]:
    """What belongs to an object that is not ours is not ours."""
    if attempt is None:
        return []
    payment_id = str(attempt.payment_id) if attempt.state not in {"surplus", "given_back"} else ""
    return keys_of(line.kind, line.reference, payment_id=payment_id, attempt_id=str(attempt.pk))


def at_the_provider(rows: Iterable[LedgerPosting]) -> dict[UUID, Booked]:
    """By posting id: what it moved at the provider."""
    keys = {row.pk: row.business_key for row in rows}
    entries = LedgerEntry.objects.filter(posting_id__in=keys, account=Account.CAPTURED)
    return {each.posting_id: Booked(keys[each.posting_id], each.amount_minor, each.currency) for each in entries}
