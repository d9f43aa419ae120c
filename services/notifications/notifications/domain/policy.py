"""What is told to whom: kinds of notices, why one is held back, how long a refused mail waits, in which language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

LANGUAGES = ("en", "de", "ja")
MAX_ATTEMPTS = 10
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)


@dataclass(frozen=True)
class Kind:
    """A template. An `essential` mail is part of the contract and cannot be switched off; any other can."""

    essential: bool = True
    until: str = (
        "ever"  # what makes it pointless: `ever` nothing, `settled` the order was paid or closed, or time is up
    )


KINDS = {
    "order_received": Kind(),
    "order_rejected": Kind(),
    "payment_failed": Kind(until="settled"),
    "payment_refused": Kind(until="settled"),
    "order_confirmed": Kind(),
    "order_expired": Kind(),
    "order_cancelled": Kind(),
    "lines_cancelled": Kind(),
    "refunded": Kind(),
    "order_shipped": Kind(essential=False),
    "order_delivered": Kind(essential=False),
    "return_requested": Kind(),
    "return_approved": Kind(),
    "return_rejected": Kind(),
    "return_received": Kind(),
}


@dataclass(frozen=True)
class Addressee:
    """An order's buyer as far as the decisions need them. `progress` is `placed`, `paid` or `closed`."""

    progress: str
    expires_at: datetime
    erased: bool
    wants_updates: bool


def reason_to_suppress(template: str, buyer: Addressee | None, channel: str, *, now: datetime) -> str:
    """Why this is not told (now): `order_unknown`, `erased`, `overtaken`, `unsubscribed`; empty when it is."""
    kind = KINDS[template]
    if buyer is None:
        return "order_unknown"
    if buyer.erased:
        return "erased"
    if kind.until == "settled" and (buyer.progress != "placed" or now >= buyer.expires_at):
        return "overtaken"
    if channel == "email" and not kind.essential and not buyer.wants_updates:
        return "unsubscribed"
    return ""


def wait_after(attempts: int, *, jitter: float) -> timedelta | None:
    """How long a mail waits after its nth failed attempt; None: it has failed, and a person decides.

    Doubles from 30 s to an hour; `jitter` (0..1) spreads it by up to a fifth. Ten attempts span about three hours.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    return min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT) * (1 + jitter / 5)


def language(*locales: str) -> str:
    """The first of these BCP 47 tags that names a language we write in; English otherwise."""
    for locale in locales:
        if (code := locale.partition("-")[0].lower()) in LANGUAGES:
            return code
    return "en"
