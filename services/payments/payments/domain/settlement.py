"""What is due, what the provider says, and the one next thing to do about it. Pure and level-triggered.

`settle` looks at where the money is and where it should be; `observe` writes down what the provider's object shows. In
whatever order events, webhooks, answers and silence come, repeating the two brings the money where it is due.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from payments.domain.disputes import observe_disputes
from payments.domain.facts import Kind, PaymentFacts, Seen, State
from payments.domain.ledger import Posting, posting
from payments.domain.observations import Observation, Said, amount, code_of
from payments.domain.refunds import observe_refunds, refund_result, unpayable


@dataclass(frozen=True)
class Action:
    """The next thing to do: an operation at the provider, a refund row of our own or one to `refuse` (`code` says
    why), or a change of state alone."""

    kind: Kind | None = None
    attempt: str | None = None
    refund: str | None = None
    refuse: str | None = None
    code: str = ""
    own_refund_minor: int = 0
    state: State | None = None


def settle(payment: PaymentFacts) -> Action | None:
    """The one next thing to do, or None when the money is where it is due (or a result is still to be read)."""
    if (without_money := unpayable(payment)) is not None:
        refund, code = without_money
        return Action(refuse=refund.id, code=code)
    if payment.operation is not None:
        return None
    if payment.surplus is not None:
        return Action(Kind.GIVE_BACK, attempt=payment.surplus)
    nothing_due = payment.due_minor == 0
    match payment.state:
        case State.WAITING if nothing_due or payment.queued is not None:
            return Action(Kind.CANCEL_ATTEMPT)
        case State.AUTHORIZED if nothing_due:
            return Action(Kind.VOID)
        case State.AUTHORIZED if payment.confirmed:
            return Action(Kind.CAPTURE)
        case State.CREATED if nothing_due:
            return Action(state=State.CLOSED)
        case State.CREATED if payment.queued is not None and not payment.expired:
            return Action(Kind.AUTHORIZE, attempt=payment.queued)
        case State.CAPTURED if not payment.disputed:
            return _settle_refunds(payment)
    return None


def _settle_refunds(payment: PaymentFacts) -> Action | None:
    """While a dispute is open nothing goes back: what it costs would go back twice."""
    excess = payment.total_minor - payment.lost_minor - payment.promised_back - payment.due_minor
    if excess > 0:
        return Action(own_refund_minor=excess)
    open_rows = (refund for refund in payment.refunds if refund.state == "requested")
    return next((Action(Kind.REFUND, refund=refund.id) for refund in open_rows), None)


REFUSED = "provider_refused"
FINAL_CODES = frozenset({"fraudulent", "lost_card", "stolen_card"})


def observe(payment: PaymentFacts, seen: Seen | None, *, current: bool) -> Observation:
    """Write down what an attempt's object shows; None: the provider does not have it.

    `current` says whether the attempt is the payment's own; another one that holds money is surplus.
    """
    if not current:
        return _observe_other(payment, seen)
    observed = _observe_current(payment, seen)
    if seen is not None and seen.disputes and observed.payment.state is State.CAPTURED:
        return observed.then(observe_disputes(observed.payment, seen))
    return observed


def _observe_current(payment: PaymentFacts, seen: Seen | None) -> Observation:
    match payment.state:
        case State.SENT | State.WAITING:
            return _observe_attempt(payment, seen)
        case State.AUTHORIZED if seen is not None:
            return _observe_authorized(payment, seen)
        case State.FAILED if seen is not None:
            return _observe_failed(payment, seen)
        case State.CAPTURED if seen is not None:
            return observe_refunds(payment, seen)
    return Observation(payment)


def _observe_other(payment: PaymentFacts, seen: Seen | None) -> Observation:
    if seen is not None and seen.status in {"authorized", "captured"}:
        return Observation(payment, alarm="a second attempt succeeded; it is given back", surplus=True)
    return Observation(payment)


def _observe_attempt(payment: PaymentFacts, seen: Seen | None) -> Observation:
    if seen is None or seen.status == "unconfirmed":
        return _failed(payment, "provider_unavailable", retryable=True)
    if seen.status in {"authorized", "captured"}:
        if (seen.amount_minor, seen.currency) != (payment.total_minor, payment.currency):
            wrong = _failed(payment, "wrong_amount", retryable=True)
            held, due = f"{seen.amount_minor} {seen.currency}", f"{payment.total_minor} {payment.currency}"
            alarm = f"the provider holds {held}, due is {due}"
            return replace(wrong, alarm=alarm, surplus=True)
        authorized = replace(payment, state=State.AUTHORIZED)
        said = Said("authorized", _money_moved(payment, seen))
        return Observation(authorized, (said,), postings=_postings(payment, "authorized"))
    if seen.status == "requires_action":
        return Observation(replace(payment, state=State.WAITING))
    if seen.status in {"declined", "cancelled"}:
        code = seen.code or ("abandoned" if seen.status == "cancelled" else "card_declined")
        return _failed(payment, code, retryable=is_retryable(code))
    return Observation(payment)


def is_retryable(code: str) -> bool:
    """Whether the shopper may try again after this code."""
    return code not in FINAL_CODES


def _failed(payment: PaymentFacts, code: str, *, retryable: bool) -> Observation:
    said = Said("failed", {"code": code_of(code, REFUSED), "retryable": retryable})
    return Observation(replace(payment, state=State.CREATED), (said,))


def _observe_authorized(payment: PaymentFacts, seen: Seen) -> Observation:
    if seen.status == "captured":
        captured = replace(payment, state=State.CAPTURED)
        kind = "captured_late" if payment.refused else "captured"
        said = Said("captured", _money_moved(payment, seen))
        took, due = f"{seen.amount_minor} {seen.currency}", f"{payment.total_minor} {payment.currency}"
        alarm = "" if took == due else f"the provider took {took}, due was {due}"
        booked = posting(kind, payment.total_minor, payment.currency)
        return Observation(captured, (said,), alarm, postings=(booked,))
    if seen.status == "cancelled":
        if payment.due_minor == 0:
            said = Said("voided", {"amount": _total(payment)})
            voided = replace(payment, state=State.VOIDED)
            return Observation(voided, (said,), postings=_postings(payment, "voided"))
        return _capture_failed(payment, "authorization_expired")
    if seen.status == "capture_refused":
        return _capture_failed(payment, seen.code or "capture_refused")
    return Observation(payment)


def _capture_failed(payment: PaymentFacts, code: str) -> Observation:
    """The order will be cancelled for it, so nothing is due from now on."""
    said = Said("capture_failed", {"code": code_of(code, REFUSED), "retryable": False})
    failed = replace(payment, state=State.FAILED, closed=True, refused=True)
    return Observation(failed, (said,), postings=_postings(payment, "capture_failed"))


def _postings(payment: PaymentFacts, kind: str) -> tuple[Posting, ...]:
    """The promise of the buyer's bank comes into the books, or leaves them; after a refusal it has left already."""
    return () if payment.refused else (posting(kind, payment.total_minor, payment.currency),)


def _observe_failed(payment: PaymentFacts, seen: Seen) -> Observation:
    """What the provider holds, or took after all, is let go or goes back: nothing is due."""
    if seen.status == "authorized":
        return Observation(replace(payment, state=State.AUTHORIZED))
    if seen.status == "captured":
        captured = Said("captured", _money_moved(payment, seen))
        alarm = "a capture that had been refused took the money; it is given back"
        late = posting("captured_late", payment.total_minor, payment.currency)
        return Observation(replace(payment, state=State.CAPTURED), (captured,), alarm, postings=(late,))
    return Observation(payment)


def is_done(kind: Kind, seen: Seen | None, *, sent: Iterable[str] = ()) -> bool:
    """Whether the provider's object shows that the operation has had its effect, or never will have it.

    `sent` are the references under which its money was sent back. A surplus that failed to go back is not done.
    """
    if seen is None:
        return False
    match kind:
        case Kind.AUTHORIZE:
            return seen.status not in {"processing", "unconfirmed"}
        case Kind.CANCEL_ATTEMPT:
            return seen.status not in {"processing", "requires_action"}
        case Kind.CAPTURE:
            return seen.status in {"captured", "capture_refused", "cancelled"}
        case Kind.VOID:
            return seen.status == "cancelled"
        case Kind.GIVE_BACK:
            return seen.status == "cancelled" or refund_result(seen, sent) == "succeeded"
        case Kind.REFUND:
            return refund_result(seen, sent) in {"succeeded", "failed"}


def _total(payment: PaymentFacts) -> dict[str, Any]:
    return amount(payment.total_minor, payment.currency)


def _money_moved(payment: PaymentFacts, seen: Seen) -> dict[str, Any]:
    return {"amount": _total(payment), "at": seen.at}


KNOWN: dict[str, frozenset[State]] = {  # in these states a webhook of that type says what is written down already
    "intent.authorized": frozenset({State.AUTHORIZED, State.CAPTURED, State.VOIDED, State.FAILED}),
    "intent.captured": frozenset({State.CAPTURED}),
    "intent.cancelled": frozenset({State.VOIDED}),
}


def is_news(hint: str, state: str) -> bool:
    """Whether a webhook of this type may tell something about the attempt that counts; if not, nothing is read."""
    return state not in KNOWN.get(hint, frozenset())
