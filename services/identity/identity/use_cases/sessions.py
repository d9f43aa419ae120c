"""Logging in, staying logged in, logging out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.problems import Conflict, TooManyRequests, Unauthorized
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Case, F, When

from identity import tokens
from identity.domain import codes
from identity.models import FailedLogin, RefreshToken, Session, User
from identity.use_cases.accounts import check_password, locked, say, set_password


@dataclass(frozen=True)
class Pair:
    """What a client gets; lifetimes in seconds."""

    access: str
    refresh: str
    expires_in: int = int(tokens.Access.lifetime.total_seconds())
    refresh_expires_in: int = int(tokens.REFRESH_LIFETIME.total_seconds())


def log_in(*, email: str, password: str, address: str, user_agent: str, now: datetime) -> Pair:
    """A new session. The answer and its timing are the same for a wrong password and an unknown address.

    Raises Unauthorized `bad_credentials`, TooManyRequests `login_backoff` with Retry-After.
    """
    account = email.casefold()
    subjects = [f"account:{account}|{address}", f"address:{address}"]
    _refuse_while_backing_off(subjects, now)
    user = User.objects.shoppers().filter(email=account).first()
    known = user is not None and user.check_password(password)
    if user is None:
        make_password(password)  # as long as checking one takes
    if not known or user is None or user.status != "active":
        _count_failure(subjects, now)
        raise Unauthorized("bad_credentials", "E-mail or password is wrong, or the address is not verified yet.")
    with transaction.atomic(savepoint=False):
        FailedLogin.objects.filter(pk=subjects[0]).delete()
        return start_session(user, user_agent, now)


def start_session(user: User, user_agent: str, now: datetime) -> Pair:
    session = Session.objects.create(user=user, user_agent=user_agent[:200], auth_time=now, last_used_at=now)
    return _issue(session, now)


def _issue(session: Session, now: datetime) -> Pair:
    key = tokens.signing_key(now)
    refresh, jti, expires_at = tokens.refresh_token(session, key)
    RefreshToken.objects.create(jti=jti, session=session, expires_at=expires_at)
    return Pair(tokens.access_token(session, key), refresh)


def rotate(*, refresh: str, now: datetime) -> Pair:
    """A new pair for a refresh token, once.

    Raises Unauthorized `refresh_invalid` or `refresh_reused` (the session has ended), Conflict `refresh_raced`.
    """
    jti = tokens.read_refresh_token(refresh)
    decision, pair = codes.Refresh.ENDED, None
    with transaction.atomic(savepoint=False):
        link = RefreshToken.objects.select_for_update().filter(pk=jti).first() if jti else None
        if link is not None:
            session = Session.objects.select_related("user").get(pk=link.session_id)
            ended = session.ended_at is not None or session.user.status != "active"
            decision = codes.refresh_decision(
                used_at=link.used_at, session_ended=ended, expires_at=link.expires_at, now=now
            )
            if decision is codes.Refresh.ROTATE:
                link.used_at = session.last_used_at = now
                link.save(update_fields=["used_at"])
                session.save(update_fields=["last_used_at"])
                pair = _issue(session, now)
            elif decision is codes.Refresh.REUSED:
                _end(Session.objects.filter(pk=session.pk), "refresh_reused", now)
    if pair is not None:
        return pair
    raise _refusal(decision)


def _refusal(decision: codes.Refresh) -> Exception:
    if decision is codes.Refresh.RACED:
        return Conflict(
            "refresh_raced", "Another request has just used this token. Use its answer.", headers={"Retry-After": "1"}
        )
    if decision is codes.Refresh.REUSED:
        return Unauthorized("refresh_reused", "This token was used before: the session has ended. Log in again.")
    return Unauthorized("refresh_invalid", "This token is not valid any more. Log in again.")


def log_out(*, session_id: UUID, user_id: UUID, now: datetime) -> None:
    """End this session; its access token runs out by itself within five minutes."""
    _end(Session.objects.filter(pk=session_id, user_id=user_id), "logout", now)


def log_out_everywhere(*, user_id: UUID, now: datetime) -> None:
    """End all sessions; every service refuses the access tokens that were issued before."""
    with transaction.atomic(savepoint=False):
        user = locked(user_id)
        _end(Session.objects.filter(user=user), "logout_all", now)
        user.tokens_valid_after = now.replace(microsecond=0)
        user.version += 1
        user.save(update_fields=["tokens_valid_after", "version"])
        say(user, "changed")


def change_password(*, user_id: UUID, old: str, new: str, user_agent: str, now: datetime) -> Pair:
    """Set a new password; every other session ends, this one goes on with the answered pair.

    Raises Unauthorized `wrong_password`, TooManyRequests `login_backoff`, Problem `weak_password`.
    """
    subjects = [f"account:{user_id}|password"]
    _refuse_while_backing_off(subjects, now)
    if not _has_password(user_id, old):
        _count_failure(subjects, now)
        raise Unauthorized("wrong_password", "The old password is not right.")
    with transaction.atomic(savepoint=False):
        user = locked(user_id)
        check_password(new, user)
        set_password(user, new, now)
        FailedLogin.objects.filter(pk__in=subjects).delete()
        return start_session(user, user_agent, now)


def _has_password(user_id: UUID, password: str) -> bool:
    """Whether this is the account's password; Argon2 runs outside of any transaction."""
    user = User.objects.shoppers().filter(pk=user_id).first()
    return user is not None and user.check_password(password)


def _end(sessions, why: str, now: datetime) -> None:
    sessions.filter(ended_at=None).update(ended_at=now, ended_why=why)


def _refuse_while_backing_off(subjects: list[str], now: datetime) -> None:
    for row in FailedLogin.objects.filter(pk__in=subjects):
        free = 0 if row.subject.startswith("account:") else 20  # an address may be an office's
        left = row.last_at + codes.backoff(max(0, row.failures - free)) - now
        if left.total_seconds() > 0:
            seconds = str(int(left.total_seconds()) + 1)
            raise TooManyRequests(
                "login_backoff", f"Too many failed logins. Wait {seconds} s.", headers={"Retry-After": seconds}
            )


def _count_failure(subjects: list[str], now: datetime) -> None:
    """One more in a row; a row is over after the longest backoff without a failure."""
    with transaction.atomic(savepoint=False):
        for subject in sorted(subjects):
            FailedLogin.objects.bulk_create([FailedLogin(subject=subject, last_at=now)], ignore_conflicts=True)
        in_a_row = Case(When(last_at__lt=now - codes.LONGEST_BACKOFF, then=1), default=F("failures") + 1)
        FailedLogin.objects.filter(pk__in=subjects).update(failures=in_a_row, last_at=now)
