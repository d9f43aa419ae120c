"""A payment in words, for whoever is awake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from chassis.fields import money

from payments.domain.facts import Kind, PaymentFacts, State
from payments.models import LedgerPosting, Payment, ProviderOperation, Refund
from payments.use_cases.ledger import balances

NOW = {
    State.CREATED: "Nobody has paid yet; the shopper may.",
    State.SENT: "An attempt is at the provider, which has not said how it ended.",
    State.WAITING: "The shopper must act at the provider's page; the object is read again every 30 seconds.",
    State.AUTHORIZED: "The money is held at the provider, not taken.",
    State.CAPTURED: "The money was taken.",
    State.VOIDED: "What was held was let go; the buyer has paid nothing.",
    State.FAILED: "The capture was refused for good; what may be held all the same is looked for and let go.",
    State.CLOSED: "Nothing was paid and nothing is due.",
}
DOING = {
    Kind.AUTHORIZE: "authorise",
    Kind.CANCEL_ATTEMPT: "cancel an attempt",
    Kind.CAPTURE: "capture",
    Kind.VOID: "let go of the money",
    Kind.REFUND: "pay back",
    Kind.GIVE_BACK: "give back a second success",
}


def explain(payment: Payment, *, now: datetime) -> Iterator[str]:
    """Where the money is, what happened, what is owed and by whom."""
    facts = payment.facts(now)
    yield f"{payment.order_number}: payment {payment.pk} of {_shown(payment, payment.total_minor)} is {payment.state}."
    yield f"Due is {_shown(payment, facts.due_minor)}: {_why_due(payment, facts)}."
    yield NOW[facts.state]
    for attempt in payment.attempt_rows:
        code = f", {attempt.code}" if attempt.code else ""
        yield f"  attempt {attempt.number} with {attempt.payment_method}: {attempt.state}{code} ({attempt.object_id})"
    for refund in payment.refund_rows:
        yield f"  {_refund(payment, refund)}"
    for dispute in payment.disputes.order_by("opened_at"):
        is_open = dispute.due_by and dispute.state == "open"
        until = f", evidence until {dispute.due_by:%Y-%m-%d %H:%M}" if is_open else ""
        yield f"  dispute of {_shown(payment, dispute.amount_minor)} as {dispute.reason}: {dispute.state}{until}"
    for row in LedgerPosting.objects.filter(payment=payment).order_by("created_at", "pk"):
        yield f"  {row.created_at:%Y-%m-%d %H:%M:%S.%f}  {row.kind:16} {row.reference}".rstrip()
    for account, currency, amount in balances(posting__payment=payment):
        if amount:
            yield f"  the books: {account} {money(amount, currency)['display']}"
    yield from _next(payment, facts)


def _why_due(payment: Payment, facts: PaymentFacts) -> str:
    if facts.closed:
        return f"the order is closed ({payment.closed_by})"
    if facts.asked_back:
        return f"the total less {_shown(payment, facts.asked_back)} that orders wants back"
    return "the order's total" + ("" if facts.confirmed else ", not to be taken before the order is confirmed")


def _refund(payment: Payment, row: Refund) -> str:
    by = "asked for by orders" if row.asked_by_order else "of payments' own"
    code = f", {row.code}" if row.code else ""
    return f"refund of {_shown(payment, row.amount_minor)} {by} ({row.reason}): {row.state}{code} ({row.pk})"


def _next(payment: Payment, facts: PaymentFacts) -> Iterator[str]:
    failed = [refund for refund in facts.refunds if refund.state == "failed"]
    operation = payment.open_operation
    if operation is not None:
        yield _operation(operation)
    elif facts.state is State.CREATED and not facts.expired:
        yield f"The shopper owes the next step, until {payment.expires_at:%Y-%m-%d %H:%M:%S}."
    elif facts.state is State.CREATED:
        yield "Time is up: orders owes order.expired. Is it out, or parked here?"
    elif facts.state is State.AUTHORIZED and not facts.confirmed:
        yield "Orders owes order.confirmed or order.cancelled. Is it out, or parked here?"
    if facts.disputed:
        yield "Nothing goes back while the dispute is open: the bank owes its decision, finance the evidence."
    if failed:
        yield f"{len(failed)} failed refunds wait for a person: read why at the provider, then retry them."
    if facts.surplus:
        yield "A second success is to be given back; the sweep tries again."
    if not (operation or failed or facts.disputed or facts.surplus) and facts.state in {State.CAPTURED, State.CLOSED}:
        yield "Nothing is owed."


def _operation(row: ProviderOperation) -> str:
    what = DOING[Kind(row.kind)]
    if row.state == "pending":
        return f"A worker owes the call to {what}; the sweep makes it at {row.next_look_at:%H:%M:%S} at the latest."
    error = f" ({row.error})" if row.error else ""
    return (
        f"The provider owes its answer to {what}{error}: asked at {row.sent_at:%Y-%m-%d %H:%M:%S}, read {row.reads} "
        f"times, again at {row.next_look_at:%H:%M:%S}. Nothing is sent again before it was read."
    )


def _shown(payment: Payment, amount_minor: int) -> str:
    return str(money(amount_minor, payment.currency)["display"])
