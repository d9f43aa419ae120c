"""Money that goes back: what was promised and is there, what was sent, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from payments.domain.facts import PaymentFacts, RefundFacts, Seen, State
from payments.domain.ledger import Posting, posting
from payments.domain.observations import Observation, Said, amount

NOTHING_CAPTURED = "nothing_captured"
EXCEEDS = "refund_exceeds_captured"
REFUSED_BY_PROVIDER = "refused_by_provider"


def unpayable(payment: PaymentFacts) -> tuple[RefundFacts, str] | None:
    """A refund that waits for money there is not, and why. The newest has to step back for the older ones."""
    waiting = [refund for refund in payment.refunds if refund.state == "requested" and not refund.sending]
    if not waiting:
        return None
    if payment.state in {State.VOIDED, State.FAILED, State.CLOSED}:
        return waiting[-1], NOTHING_CAPTURED
    if payment.promised_back > payment.total_minor - payment.lost_minor:
        return waiting[-1], EXCEEDS
    return None


def answer(refund: RefundFacts, result: str, currency: str, code: str = "") -> Said:
    """The one event that answers a refund; `code` says why it failed. Our own have no id that orders know."""
    refund_id = refund.id if refund.asked_by_order else None
    data = {"refund_id": refund_id, "amount": amount(refund.amount_minor, currency)}
    if result == "succeeded":
        return Said("refunded", data)
    return Said("refund_failed", {**data, "code": code or REFUSED_BY_PROVIDER})


def observe_refunds(payment: PaymentFacts, seen: Seen) -> Observation:
    """Results that our rows do not have yet."""
    refunds: list[RefundFacts] = []
    said: list[Said] = []
    postings: list[Posting] = []
    alarm = ""
    for refund in payment.refunds:
        result = _result(refund, seen)
        if result:
            said.append(answer(refund, result, payment.currency))
            refund = replace(refund, state=result)
        if result == "succeeded":
            postings.append(posting("refunded", refund.amount_minor, payment.currency, refund.id))
        elif refund.state == "succeeded" and refund_result(seen, refund.sent) == "failed":
            alarm = f"refund {refund.id} came back after it had arrived: the buyer does not have it"
        if result and [seen.refunds.get(reference) for reference in refund.sent].count("succeeded") > 1:
            alarm = f"refund {refund.id} went back more than once"
        refunds.append(refund)
    after = replace(payment, refunds=tuple(refunds))
    return Observation(after, tuple(said), alarm, postings=tuple(postings))


def _result(refund: RefundFacts, seen: Seen) -> str:
    """The result that the row does not have yet. Any sending may succeed; only the one being sent makes it fail."""
    result = refund_result(seen, refund.sent)
    if result == "succeeded" != refund.state:
        return "succeeded"
    if result != "pending" and refund.state == "requested" and seen.refunds.get(refund.sending) == "failed":
        return "failed"
    return ""


def refund_result(seen: Seen, sent: Iterable[str]) -> str | None:
    """Of a refund that was sent under these references, the last one last; None: the last one is not there."""
    results = [seen.refunds.get(reference) for reference in sent]
    for result in ("succeeded", "pending"):
        if result in results:
            return result
    return results[-1] if results else None
