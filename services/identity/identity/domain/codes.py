"""The rules of one-time codes, refresh tokens and repeated logins; pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

CODE_DIGITS = 8
CODE_TRIES = 5
CODE_LIFETIME = timedelta(minutes=15)
CODE_COOL_DOWN = timedelta(minutes=1)
MAIL_TRIES = 10
RACE_WINDOW = timedelta(seconds=10)
FREE_FAILURES = 5
LONGEST_BACKOFF = timedelta(minutes=15)


def new_code() -> str:
    """Eight random digits."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def hash_code(key: str | bytes, code: str) -> str:
    """Keyed, because eight digits alone could be tried out offline."""
    return hmac.new(key.encode() if isinstance(key, str) else key, code.encode(), hashlib.sha256).hexdigest()


class Refresh(StrEnum):
    """What becomes of a refresh token that is presented."""

    ROTATE = "rotate"
    RACED = "raced"
    REUSED = "reused"
    ENDED = "ended"


def refresh_decision(*, used_at: datetime | None, session_ended: bool, expires_at: datetime, now: datetime) -> Refresh:
    """One of several parallel uses wins; for ten seconds the others merely lost a race; after that it is theft."""
    if session_ended or expires_at <= now:
        return Refresh.ENDED
    if used_at is None:
        return Refresh.ROTATE
    return Refresh.RACED if now - used_at <= RACE_WINDOW else Refresh.REUSED


def backoff(failures: int) -> timedelta:
    """How long to wait after this many failed logins: nothing for the first five, then doubling, never for ever."""
    if failures < FREE_FAILURES:
        return timedelta(0)
    doublings = min(failures - FREE_FAILURES, 10)  # 2**10 s is above the longest already
    return min(timedelta(seconds=2**doublings), LONGEST_BACKOFF)
