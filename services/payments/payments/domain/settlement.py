"""What is due, what the provider says, and the one next thing to do about it. Pure and level-triggered.

`settle` looks at where the money is and where it should be; `observe` writes down what the provider's object shows. In
whatever order events, webhooks, answers and silence come, repeating the two brings the money where it is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    CREATED = "created"  # due, nobody pays yet
    SENT = "sent"  # an attempt is at the provider, its result is not known
    WAITING = "waiting"  # the shopper must act at the provider
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    VOIDED = "voided"
    FAILED = "failed"  # the capture was refused for good
    CLOSED = "closed"  # nothing is due and nothing was paid


class Kind(StrEnum):
    """Operations at the provider."""

    AUTHORIZE = "authorize"
    CANCEL_ATTEMPT = "cancel_attempt"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    GIVE_BACK = "give_back"  # an attempt that succeeded besides the one that counts


@dataclass(frozen=True)
class RefundFacts:
    """A refund row: `requested`, `succeeded` or `failed` (a failed one waits for a person)."""

    id: str
    amount_minor: int
    state: str
    asked_by_order: bool


@dataclass(frozen=True)
class PaymentFacts:
    """A payment as its decisions see it; amounts in minor units of `currency`.

    `asked_back` is the sum of the refunds that orders asked for. `queued` and `surplus` are attempts' ids: one that
    waits for its turn, and one that succeeded although another attempt counts.
    """

    state: State
    total_minor: int
    currency: str
    closed: bool = False
    confirmed: bool = False
    asked_back: int = 0
    expired: bool = False
    operation: Kind | None = None
    queued: str | None = None
    surplus: str | None = None
    refunds: tuple[RefundFacts, ...] = ()

    @property
    def due_minor(self) -> int:
        return 0 if self.closed else self.total_minor - self.asked_back


@dataclass(frozen=True)
class Action:
    """The next thing to do: an operation at the provider, a refund row of our own, or a change of state alone."""

    kind: Kind | None = None
    attempt: str | None = None
    refund: str | None = None
    own_refund_minor: int = 0
    state: State | None = None


def settle(payment: PaymentFacts) -> Action | None:
    """The one next thing to do, or None when the money is where it is due (or a result is still to be read)."""
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
        case State.CAPTURED:
            return _settle_refunds(payment)
    return None


def _settle_refunds(payment: PaymentFacts) -> Action | None:
    excess = payment.total_minor - sum(refund.amount_minor for refund in payment.refunds) - payment.due_minor
    if excess > 0:
        return Action(own_refund_minor=excess)
    open_rows = (refund for refund in payment.refunds if refund.state == "requested")
    return next((Action(Kind.REFUND, refund=refund.id) for refund in open_rows), None)


@dataclass(frozen=True)
class Seen:
    """What the provider's object of an attempt shows. `refunds` is {our refund id: succeeded | failed | pending}."""

    status: str  # processing, requires_action, authorized, captured, declined, cancelled, capture_refused
    amount_minor: int
    currency: str
    at: datetime
    object_id: str = ""
    code: str = ""
    redirect_url: str = ""
    refunds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """An event to publish: the part of its type after `payment.`, and its own fields."""

    name: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Observation:
    """The payment after a look at the provider, what it says, and whether someone must know (`alarm`)."""

    payment: PaymentFacts
    said: tuple[Said, ...] = ()
    alarm: str = ""


RETRYABLE = {"fraudulent": False, "lost_card": False, "stolen_card": False}


def observe(payment: PaymentFacts, seen: Seen | None, *, current: bool) -> Observation:
    """Write down what an attempt's object shows; None: the provider does not have it.

    `current` says whether the attempt is the payment's own; another one that holds money is surplus.
    """
    if not current:
        return _observe_other(payment, seen)
    match payment.state:
        case State.SENT | State.WAITING:
            return _observe_attempt(payment, seen)
        case State.AUTHORIZED if seen is not None:
            return _observe_authorized(payment, seen)
        case State.CAPTURED if seen is not None:
            return _observe_refunds(payment, seen)
    return Observation(payment)


def _observe_other(payment: PaymentFacts, seen: Seen | None) -> Observation:
    if seen is not None and seen.status in {"authorized", "captured"} and payment.surplus is None:
        return Observation(payment, alarm="a second attempt succeeded; it is given back")
    return Observation(payment)


def _observe_attempt(payment: PaymentFacts, seen: Seen | None) -> Observation:
    if seen is None:
        return _failed(payment, "provider_unavailable", retryable=True)
    if seen.status in {"authorized", "captured"}:
        if (seen.amount_minor, seen.currency) != (payment.total_minor, payment.currency):
            wrong = _failed(payment, "wrong_amount", retryable=True)
            held, due = f"{seen.amount_minor} {seen.currency}", f"{payment.total_minor} {payment.currency}"
            alarm = f"the provider holds {held}, due is {due}"
            return replace(wrong, alarm=alarm)
        authorized = replace(payment, state=State.AUTHORIZED)
        return Observation(authorized, (Said("authorized", _money_moved(payment, seen)),))
    if seen.status == "requires_action":
        return Observation(replace(payment, state=State.WAITING))
    if seen.status in {"declined", "cancelled"}:
        code = seen.code or ("abandoned" if seen.status == "cancelled" else "card_declined")
        return _failed(payment, code, retryable=RETRYABLE.get(code, True))
    return Observation(payment)


def _failed(payment: PaymentFacts, code: str, *, retryable: bool) -> Observation:
    return Observation(replace(payment, state=State.CREATED), (Said("failed", {"code": code, "retryable": retryable}),))


def _observe_authorized(payment: PaymentFacts, seen: Seen) -> Observation:
    if seen.status == "captured":
        return Observation(replace(payment, state=State.CAPTURED), (Said("captured", _money_moved(payment, seen)),))
    if seen.status == "cancelled":
        if payment.due_minor == 0:
            return Observation(replace(payment, state=State.VOIDED), (Said("voided", {"amount": _total(payment)}),))
        return _capture_failed(payment, "authorization_expired")
    if seen.status == "capture_refused":
        return _capture_failed(payment, seen.code or "capture_refused")
    return Observation(payment)


def _capture_failed(payment: PaymentFacts, code: str) -> Observation:
    said = Said("capture_failed", {"code": code, "retryable": False})
    return Observation(replace(payment, state=State.FAILED), (said,))


def _observe_refunds(payment: PaymentFacts, seen: Seen) -> Observation:
    refunds, said = [], []
    for refund in payment.refunds:
        result = seen.refunds.get(refund.id)
        if refund.state == "requested" and result in {"succeeded", "failed"}:
            name = "refunded" if result == "succeeded" else "refund_failed"
            amount = {"amount_minor": refund.amount_minor, "currency": payment.currency}
            said.append(Said(name, {"refund_id": refund.id if refund.asked_by_order else None, "amount": amount}))
            refund = replace(refund, state=result)
        refunds.append(refund)
    return Observation(replace(payment, refunds=tuple(refunds)), tuple(said))


def is_done(kind: Kind, seen: Seen | None, *, refund: str | None = None) -> bool:
    """Whether the provider's object shows that the operation has had its effect, or never will have it."""
    if seen is None:
        return False
    match kind:
        case Kind.AUTHORIZE:
            return seen.status != "processing"
        case Kind.CANCEL_ATTEMPT:
            return seen.status not in {"processing", "requires_action"}
        case Kind.CAPTURE:
            return seen.status in {"captured", "capture_refused", "cancelled"}
        case Kind.VOID | Kind.GIVE_BACK:
            return seen.status == "cancelled" or (kind is Kind.GIVE_BACK and bool(seen.refunds))
        case Kind.REFUND:
            return seen.refunds.get(refund or "") in {"succeeded", "failed"}


def _total(payment: PaymentFacts) -> dict[str, Any]:
    return {"amount_minor": payment.total_minor, "currency": payment.currency}


def _money_moved(payment: PaymentFacts, seen: Seen) -> dict[str, Any]:
    return {"amount": _total(payment), "at": seen.at}


KNOWN: dict[str, frozenset[State]] = {  # in these states a webhook of that type says what is written down already
    "intent.authorized": frozenset({State.AUTHORIZED, State.CAPTURED, State.VOIDED, State.FAILED}),
    "intent.captured": frozenset({State.CAPTURED}),
    "intent.cancelled": frozenset({State.VOIDED}),
}


def is_news(hint: str, state: State) -> bool:
    """Whether a webhook of this type may tell something about the attempt that counts; if not, nothing is read."""
    return state not in KNOWN.get(hint, frozenset())
