"""One look at the provider, written into the payment's rows."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from payments.domain.facts import Kind, PaymentFacts, Seen, SeenDispute, State
from payments.domain.ledger import Posting, posting
from payments.domain.observations import Observation, Said
from payments.domain.settlement import is_done, observe
from payments.models import Attempt, Dispute, Payment
from payments.use_cases.payments import CAPTURE_FAILED, end_queued

logger = logging.getLogger(__name__)
ABOUT_THE_ATTEMPT = {"authorized", "captured", "failed", "capture_failed", "voided"}
LOST_ATTEMPT_LOOKED_FOR_AFTER = timedelta(minutes=1)


def write_down(
    payment: Payment, attempt: Attempt, seen: Seen | None, now: datetime, *, sent: Iterable[str] = ()
) -> Observation:
    """Under the payment's lock: its attempt, refunds and disputes are saved, itself is changed; what is said of it and
    booked is the caller's to save with it.
    """
    facts = payment.facts(now, with_disputes=bool(seen and seen.disputes))
    known = attempt.state in {"surplus", "given_back"}
    observed = Observation(facts) if known else observe(facts, seen, current=attempt.state == "current")
    _change_payment(payment, observed, seen)
    booked = _change_attempt(attempt, facts.state, observed, seen, now=now, sent=sent)
    if observed.payment.state in {State.AUTHORIZED, State.CAPTURED}:
        end_queued(payment)
    _change_refunds(payment, facts, observed, now)
    for dispute in observed.disputes:
        _change_dispute(payment, dispute, now)
    if observed.alarm:
        logger.error("ALARM: %s", observed.alarm, extra={"order_id": str(payment.order_id)})
    return replace(observed, postings=observed.postings + booked)


def _change_payment(payment: Payment, observed: Observation, seen: Seen | None) -> None:
    after = observed.payment
    payment.state = after.state
    if after.closed and not payment.closed_by:
        payment.closed_by = CAPTURE_FAILED
    for said in observed.said:
        _remember(payment, said, seen)
    if observed.disputes:
        payment.lost_minor = after.lost_minor
        payment.dispute_state = "open" if after.disputed else observed.disputes[-1].state


def _remember(payment: Payment, said: Said, seen: Seen | None) -> None:
    """What is needed to say it again."""
    if said.name in ABOUT_THE_ATTEMPT:
        payment.last_code = said.data.get("code", "")[:60]
    if said.name == "captured" and seen is not None:
        payment.captured_at = seen.at
    if said.name == "capture_failed":
        payment.capture_code = said.data["code"]


def _change_attempt(
    attempt: Attempt, before: State, observed: Observation, seen: Seen | None, *, now: datetime, sent: Iterable[str]
) -> tuple[Posting, ...]:
    """What was taken besides what is due is booked, until it has gone back."""
    was = dict(vars(attempt))
    if seen is not None:
        attempt.object_id = attempt.object_id or seen.object_id or None
        attempt.redirect_url, attempt.code = seen.redirect_url, seen.code[:60]
    if attempt.state not in {"surplus", "given_back"}:
        _move_attempt(attempt, before, observed, seen, now=now)
    postings = _settle_surplus(attempt, seen, sent) if attempt.state == "surplus" and seen is not None else []
    if changed := [name for name, value in vars(attempt).items() if name != "_state" and was.get(name) != value]:
        attempt.save(update_fields=changed)
    return tuple(postings)


def _settle_surplus(attempt: Attempt, seen: Seen, sent: Iterable[str]) -> list[Posting]:
    postings = []
    if attempt.surplus_minor is None and seen.status == "captured":
        attempt.surplus_minor, attempt.surplus_currency = seen.amount_minor, seen.currency
        postings.append(posting("surplus", seen.amount_minor, seen.currency, str(attempt.pk)))
    if is_done(Kind.GIVE_BACK, seen, sent=sent):
        attempt.state = "given_back"
        if attempt.surplus_minor is not None:
            back = posting("given_back", attempt.surplus_minor, attempt.surplus_currency, str(attempt.pk))
            postings.append(back)
    return postings


def _move_attempt(attempt: Attempt, before: State, observed: Observation, seen: Seen | None, *, now: datetime) -> None:
    after = observed.payment.state
    if observed.surplus:
        attempt.state, attempt.look_again_at = "surplus", None
    elif attempt.state == "current" and after is State.CREATED:
        attempt.state = "ended"
        lost = seen is None or seen.status == "unconfirmed"  # it may land after all
        attempt.look_again_at = now + LOST_ATTEMPT_LOOKED_FOR_AFTER if lost else None
    elif attempt.state == "current" and before is after is State.FAILED:
        attempt.state = "ended"  # read once more after the refusal: nothing is held


def _change_refunds(payment: Payment, before: PaymentFacts, observed: Observation, now: datetime) -> None:
    changed = {refund.id: refund for refund in observed.payment.refunds if refund not in before.refunds}
    for row in payment.refund_rows:
        if (refund := changed.get(str(row.pk))) is not None:
            row.state, row.answered_at = refund.state, now
            row.save(update_fields=["state", "answered_at"])


def _change_dispute(payment: Payment, dispute: SeenDispute, now: datetime) -> None:
    if dispute.state == "open":
        Dispute.objects.create(
            payment=payment,
            provider_id=dispute.id,
            amount_minor=dispute.amount_minor,
            reason=dispute.reason[:60],
            due_by=dispute.due_by,
            state="open",
            opened_at=now,
        )
    else:
        payment.disputes.filter(provider_id=dispute.id).update(state=dispute.state, closed_at=now)
