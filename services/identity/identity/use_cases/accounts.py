"""Registering, verifying, changing and erasing accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from auth_jwt.consumers import remember, remember_erased
from auth_jwt.permissions import ROLES
from chassis.problems import Conflict, Forbidden, NotFound, Problem
from chassis.tasks import enqueue
from chassis.views import require_match
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from outbox.publishing import publish
from rest_framework.request import Request

from identity.domain import codes
from identity.models import MailedCode, Session, User


@dataclass(frozen=True)
class UserEvent:
    """What identity says about a user; `data` is the whole snapshot."""

    type: str
    key: str
    subject: str
    sequence: int
    data: dict[str, Any]


def snapshot(user: User, name: str) -> UserEvent:
    data = {
        "id": str(user.id),
        "email": user.email,
        "name": user.name,
        "locale": user.locale,
        "status": user.status,
        "roles": sorted(user.roles),
        "tokens_valid_after": timestamp(user.tokens_valid_after),
        "version": user.version,
    }
    return UserEvent(f"crossborder.user.{name}.v1", str(user.id), f"user/{user.id}", user.version, data)


def say(user: User, name: str) -> None:
    """Tell the others, and this service's own token check, in one transaction."""
    event = snapshot(user, name)
    remember(event.data)
    publish(event)


def timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def register(*, email: str, password: str, name: str, locale: str) -> None:
    """Open an account that its mail must verify. An address that is known already gets a mail that says so instead.

    Two registrations of an unproven address with different passwords leave it without one: whoever owns the mailbox
    sets it by `password/forgot`. Otherwise the first to register could wait for the owner to verify.

    Raises Problem `weak_password`.
    """
    check_password(password, User(email=email, name=name))
    with transaction.atomic(savepoint=False):
        fresh = User(email=email.casefold(), name=name, locale=locale)
        fresh.set_password(password)
        User.objects.bulk_create([fresh], ignore_conflicts=True)  # a twin may be faster: the unique address decides
        user = User.objects.select_for_update().get(email=email.casefold())
        same_password = user.check_password(password)  # always asked, so that every answer takes as long
        if user.is_staff:
            return
        if user.status == "pending" and not same_password:
            user.set_unusable_password()
            user.save(update_fields=["password"])
        mail_code(user, "verify_email" if user.status == "pending" else "already_registered")


def check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        errors = [{"pointer": "#/password", "code": "weak_password", "detail": text} for text in error.messages]
        raise Problem("weak_password", "Choose another password.", errors=errors) from error


def mail_code(user: User, purpose: str) -> None:
    """Owe the user a mail, at most one a minute for a purpose; older codes stop working when it is sent."""
    since = timezone.now() - codes.CODE_COOL_DOWN
    if MailedCode.objects.filter(user=user, purpose=purpose, created_at__gt=since).exists():
        return
    owed = MailedCode.objects.create(user=user, purpose=purpose)
    enqueue("identity.tasks.send_code", owed.id)


def verify_email(*, email: str, code: str, now: datetime) -> User:
    """The address is proven: the account becomes active and `user.registered` is said. Raises Problem `wrong_code`."""
    _use_code(email, "verify_email", code, now)
    with transaction.atomic(savepoint=False):
        user = User.objects.shoppers().select_for_update().get(email=email.casefold())
        if user.status == "pending":
            user.status = "active"
            user.save(update_fields=["status"])
            say(user, "registered")
    return user


def reset_password(*, email: str, code: str, password: str, now: datetime) -> None:
    """Set a forgotten password; every session ends. Raises Problem `wrong_code`, `weak_password`."""
    check_password(password, User(email=email))
    _use_code(email, "reset_password", code, now)
    with transaction.atomic(savepoint=False):
        user = User.objects.shoppers().select_for_update().get(email=email.casefold())
        set_password(user, password, now)


def _use_code(email: str, purpose: str, code: str, now: datetime) -> None:
    """A wrong try is counted in a transaction of its own, so that the refusal does not roll it back."""
    with transaction.atomic(savepoint=False):
        sent = MailedCode.objects.select_for_update().filter(
            user__email=email.casefold(), purpose=purpose, used_at=None, sent_at__gt=now - codes.CODE_LIFETIME
        )
        latest = sent.order_by("-sent_at").first()
        right = False
        if latest is not None and latest.tries < codes.CODE_TRIES:
            right = latest.code_hash == codes.hash_code(settings.SECRET_KEY, code)
            latest.tries += 1
            latest.used_at = now if right else None
            latest.save(update_fields=["tries", "used_at"])
    if not right:
        raise Problem("wrong_code", "This code is wrong, used, or older than 15 minutes. Ask for a new one.")


def set_password(user: User, password: str, now: datetime) -> None:
    """Under the user's lock: the new password, the end of all sessions, and what the other services must know."""
    user.set_password(password)
    user.tokens_valid_after = now.replace(microsecond=0)
    user.version += 1
    user.save(update_fields=["password", "tokens_valid_after", "version"])
    Session.objects.filter(user=user, ended_at=None).update(ended_at=now, ended_why="password_changed")
    say(user, "changed")


def change_user(*, user_id: UUID, request: Request, **fields: Any) -> User:
    """Change name or locale, against If-Match."""
    with transaction.atomic(savepoint=False):
        user = locked(user_id)
        require_match(request, user.etag)
        _change(user, **fields)
    return user


def set_roles(*, user_id: UUID, roles: list[str], request: Request | None = None) -> User:
    """Replace a user's staff roles, against If-Match when a request asks. Raises Problem `unknown_role`, NotFound."""
    if unknown := set(roles) - set(ROLES):
        raise Problem("unknown_role", f"There is no role {sorted(unknown)[0]!r}; roles are {', '.join(ROLES)}.")
    with transaction.atomic(savepoint=False):
        user = locked(user_id)
        if request is not None:
            require_match(request, user.etag)
        _change(user, roles=sorted(set(roles)))
    return user


def set_status(*, user_id: UUID, status: str, now: datetime, request: Request) -> User:
    """Disable or enable an account, against If-Match; a disabled one's tokens stop working everywhere.

    Raises Forbidden for a member of staff unless an admin asks, Conflict `not_verified` for an unproven address.
    """
    with transaction.atomic(savepoint=False):
        user = locked(user_id)
        if user.roles and "admin" not in request.user.roles:
            raise Forbidden("admin_required", "Only an admin disables a member of staff.")
        require_match(request, user.etag)
        if user.status == "pending":
            raise Conflict("not_verified", "The address was never verified; there is nothing to disable or enable.")
        if status == "disabled":
            Session.objects.filter(user=user, ended_at=None).update(ended_at=now, ended_why="disabled")
            _change(user, status=status, tokens_valid_after=now.replace(microsecond=0))
        else:
            _change(user, status=status)
    return user


def erase_user(*, user_id: UUID, now: datetime) -> None:
    """Forget a person: nothing that names them stays; the id, and that it was erased, is told to all services."""
    with transaction.atomic(savepoint=False):
        user = locked(user_id)
        for rows in (user.addresses, user.codes, user.sessions):
            rows.all().delete()
        user.email, user.name, user.roles = f"erased-{user.id}", "", []
        user.status, user.version = "erased", user.version + 1
        user.set_unusable_password()
        user.save()
        data = {"id": str(user.id), "erased_at": timestamp(now)}
        remember_erased(user.id)
        publish(UserEvent("crossborder.user.erased.v1", str(user.id), f"user/{user.id}", user.version, data))


def locked(user_id: UUID) -> User:
    user = User.objects.shoppers().select_for_update().filter(pk=user_id).exclude(status="erased").first()
    if user is None:
        raise NotFound("There is no such account.")
    return user


def _change(user: User, **fields: Any) -> None:
    changed = {name: value for name, value in fields.items() if getattr(user, name) != value}
    if not changed:
        return
    for name, value in changed.items():
        setattr(user, name, value)
    user.version += 1
    user.save(update_fields=[*changed, "version"])
    say(user, "changed")
