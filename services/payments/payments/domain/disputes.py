"""When the buyer's bank contests a charge: the provider keeps the money until it is decided."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from payments.domain.facts import PaymentFacts, Seen, SeenDispute
from payments.domain.ledger import Posting, posting
from payments.domain.observations import Observation, Said, amount, code_of

CLOSED = frozenset({"won", "lost"})
ALARMS = {"open": "the buyer's bank contests the charge", "won": "we keep the money", "lost": "the money is lost"}


def observe_disputes(payment: PaymentFacts, seen: Seen) -> Observation:
    """Tell each dispute once when it opens and once when it is decided, whenever we see it first.

    Whoever listens goes by the last word: one that is still open is told again after another was decided.
    """
    known = dict(payment.disputes)
    observed = Observation(payment)
    for dispute in seen.disputes:
        before = known.get(dispute.id)
        if before == dispute.state:
            continue
        if before in CLOSED:
            observed = replace(observed, alarm=f"dispute {dispute.id} was {before} and is {dispute.state} now")
            continue
        known[dispute.id] = dispute.state
        steps = (["open"] if before is None else []) + ([dispute.state] if dispute.state in CLOSED else [])
        for step in steps:
            observed = _told(observed, dispute, step)
    still_open = [dispute for dispute in seen.disputes if known[dispute.id] == "open"]
    if still_open and observed.said and observed.said[-1].name == "dispute_closed":
        observed = replace(observed, said=(*observed.said, _said(still_open[-1], "open", payment.currency)))
    after = replace(observed.payment, disputed="open" in known.values(), disputes=tuple(known.items()))
    return replace(observed, payment=after)


def _told(observed: Observation, dispute: SeenDispute, step: str) -> Observation:
    payment = observed.payment
    if step == "lost":
        payment = replace(payment, lost_minor=payment.lost_minor + dispute.amount_minor)
    return replace(
        observed,
        payment=payment,
        said=(*observed.said, _said(dispute, step, payment.currency)),
        disputes=(*observed.disputes, replace(dispute, state=step)),
        postings=(*observed.postings, _posting(dispute, step, payment.currency)),
        alarm=f"dispute {dispute.id} of {dispute.amount_minor} {payment.currency}: {ALARMS[step]}",
    )


def _said(dispute: SeenDispute, step: str, currency: str) -> Said:
    name = "disputed" if step == "open" else "dispute_closed"
    outcome = None if step == "open" else step
    return Said(name, {**_details(dispute, currency), "outcome": outcome})


def _posting(dispute: SeenDispute, step: str, currency: str) -> Posting:
    kind = {"open": "disputed", "won": "dispute_won", "lost": "dispute_lost"}[step]
    return posting(kind, dispute.amount_minor, currency, dispute.id)


def _details(dispute: SeenDispute, currency: str) -> dict[str, Any]:
    due_by = dispute.due_by.isoformat().replace("+00:00", "Z") if dispute.due_by else None
    return {
        "amount": amount(dispute.amount_minor, currency),
        "reason": code_of(dispute.reason, "general"),
        "due_by": due_by,
    }
