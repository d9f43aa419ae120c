"""The test payment methods: each names one thing that a real provider does on some day."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Manner(StrEnum):
    """How a call is answered. All but NOW and SLOW strike an object once: the same call under a new key goes well."""

    NOW = "now"
    SLOW = "slow"  # after 2 s
    HANG = "hang"  # done, and answered 6 s later
    LOST = "lost"  # not done, and never answered
    ERROR = "error"  # not done, 500
    ERROR_DONE = "error_done"  # done, 500
    AFTER_WEBHOOK = "after_webhook"  # done, its webhook sent, then answered


class Hooks(StrEnum):
    """How the webhooks of an intent travel."""

    NOW = "now"
    LATE = "late"  # 20 s later
    TWICE = "twice"
    REORDERED = "reordered"  # the first one 3 s later, so that the others overtake it
    LOST = "lost"  # never


class Settles(StrEnum):
    """What the settlement report says of a capture with this method."""

    RIGHT = "right"
    MISSING = "missing"  # nothing
    WRONG = "wrong"  # one minor unit more
    TWICE = "twice"
    FOREIGN = "foreign"  # beside it, a charge of an object that nobody made


@dataclass(frozen=True)
class Method:
    """What becomes of an intent with this method; `story` tells it to people."""

    story: str
    status: str = "authorized"
    code: str = ""
    creating: Manner = Manner.NOW
    capturing: Manner = Manner.NOW
    captures: bool = True
    captures_again: bool = True
    refunds: str = "succeeded"
    hooks: Hooks = Hooks.NOW
    too_much: int = 0
    authorized_later: float | None = None
    disputed: str = ""  # 2 s after the capture: open, and 2 s later won or lost
    settles: Settles = Settles.RIGHT


METHODS = {
    "tok_success": Method("Authorised at once."),
    "tok_decline": Method("Declined: card_declined.", "declined", "card_declined"),
    "tok_insufficient_funds": Method("Declined: insufficient_funds.", "declined", "insufficient_funds"),
    "tok_fraudulent": Method("Declined: fraudulent; it is not to be tried again.", "declined", "fraudulent"),
    "tok_action": Method("The shopper must approve on the hosted page.", "requires_action"),
    "tok_processing": Method("Processing; authorised 2 s later.", "processing", authorized_later=2),
    "tok_slow": Method("Authorised, answered after 2 s.", creating=Manner.SLOW),
    "tok_timeout_done": Method("Authorised, but the answer comes 6 s later: too late.", creating=Manner.HANG),
    "tok_timeout_lost": Method("Nothing is done and no answer comes, the first time.", creating=Manner.LOST),
    "tok_error_500": Method("500 and nothing is done, the first time.", creating=Manner.ERROR),
    "tok_error_done": Method("500, but it is authorised.", creating=Manner.ERROR_DONE),
    "tok_webhook_first": Method("Authorised; the webhook arrives before the answer.", creating=Manner.AFTER_WEBHOOK),
    "tok_webhook_late": Method("Authorised; webhooks come 20 s late.", hooks=Hooks.LATE),
    "tok_webhook_twice": Method("Authorised; every webhook comes twice.", hooks=Hooks.TWICE),
    "tok_webhook_reordered": Method("Authorised; the first webhook comes after the second.", hooks=Hooks.REORDERED),
    "tok_webhook_lost": Method("Authorised; no webhook is ever sent.", hooks=Hooks.LOST),
    "tok_wrong_amount": Method("Authorises one minor unit more than was asked for.", too_much=1),
    "tok_capture_refused": Method("Authorised, but the capture is refused for good.", captures=False),
    "tok_capture_timeout_done": Method("Captured, but that answer comes 6 s later.", capturing=Manner.HANG),
    "tok_capture_timeout_lost": Method("The first capture is lost: no answer, nothing done.", capturing=Manner.LOST),
    "tok_capture_once": Method(
        "The first capture is lost; capturing again what is captured is refused.",
        capturing=Manner.LOST,
        captures_again=False,
    ),
    "tok_refund_fails": Method("The first try of each refund fails.", refunds="failed"),
    "tok_refund_pending": Method("Refunds are pending and succeed 2 s later.", refunds="pending"),
    "tok_late_success": Method("Declined, but authorised 5 s later.", "declined", "card_declined", authorized_later=5),
    "tok_disputed": Method("The buyer's bank contests the charge 2 s after the capture.", disputed="open"),
    "tok_disputed_won": Method("Contested 2 s after the capture; 2 s later the shop keeps it.", disputed="won"),
    "tok_disputed_lost": Method("Contested 2 s after the capture; 2 s later it is lost.", disputed="lost"),
    "tok_settles_missing": Method("The settlement report does not have the charge.", settles=Settles.MISSING),
    "tok_settles_wrong": Method("The report has the charge with one minor unit more.", settles=Settles.WRONG),
    "tok_settles_twice": Method("The report has the charge twice.", settles=Settles.TWICE),
    "tok_settles_foreign": Method("The report has one more charge, of another shop.", settles=Settles.FOREIGN),
}
