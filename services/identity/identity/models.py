"""Accounts, their sessions, codes and addresses, and the keys that sign their tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7

STATUSES = ["pending", "active", "disabled", "erased"]


def this_second() -> datetime:
    """Tokens say when they were issued in whole seconds, so this is compared in whole seconds."""
    return timezone.now().replace(microsecond=0)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.strip().casefold(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """An operator: uses the admin, never the shop."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, status="active", **fields)

    def shoppers(self) -> models.QuerySet[User]:
        """Accounts of the shop; operators are not among them."""
        return self.filter(is_staff=False)


class User(AbstractBaseUser, PermissionsMixin):
    """A shop account, or (`is_staff`) an operator of this service's admin. `email` is kept casefolded."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.CharField(max_length=254, unique=True, db_collation="utf8mb4_bin")
    name = models.CharField(max_length=200, blank=True)
    locale = models.CharField(max_length=10, default="en")
    status = models.CharField(max_length=10, default="pending", choices=[(name, name) for name in STATUSES])
    roles = models.JSONField(default=list, blank=True)
    tokens_valid_after = models.DateTimeField(default=this_second)
    version = models.PositiveBigIntegerField(default=1)
    is_staff = models.BooleanField(default=False)
    joined_at = models.DateTimeField(default=timezone.now)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        indexes = [models.Index(fields=["-joined_at", "-id"], name="user_newest")]

    @property
    def is_active(self) -> bool:  # type: ignore[override, misc]
        return self.status == "active"

    @property
    def etag(self) -> str:
        return f'"{self.version}"'


class Session(models.Model):
    """A login on one device: a family of refresh tokens that ends as a whole."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="sessions")
    user_agent = models.CharField(max_length=200, blank=True)
    auth_time = models.DateTimeField()
    last_used_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_why = models.CharField(max_length=30, blank=True)


class RefreshToken(models.Model):
    """One link of a session's chain; `used_at` is set by the one refresh that wins."""

    jti = models.CharField(max_length=32, primary_key=True, db_collation="ascii_bin")
    session = models.ForeignKey(Session, models.CASCADE, related_name="refresh_tokens")
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)


class MailedCode(models.Model):
    """A mail owed to a user; the code is made when it is sent, and only its keyed hash is kept."""

    PURPOSES = ["verify_email", "reset_password", "already_registered"]

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="codes")
    purpose = models.CharField(max_length=20, choices=[(name, name) for name in PURPOSES])
    code_hash = models.CharField(max_length=64, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    sendings = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True, db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)


class FailedLogin(models.Model):
    """Failures in a row, per account and per address; what they cost is in `domain.codes.backoff`."""

    subject = models.CharField(max_length=300, primary_key=True, db_collation="utf8mb4_bin")
    failures = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()


class SigningKey(models.Model):
    """An ES256 key pair. It signs from `signs_from` on (published before that) and verifies until `retired_at`."""

    kid = models.CharField(max_length=40, primary_key=True, db_collation="ascii_bin")
    private_pem = models.TextField()
    public_jwk = models.JSONField()
    signs_from = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)


class Address(models.Model):
    """An entry of a user's address book."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="addresses")
    name = models.CharField(max_length=120)
    company = models.CharField(max_length=120, blank=True)
    line1 = models.CharField(max_length=200)
    line2 = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    region = models.CharField(max_length=100, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=2)
    phone = models.CharField(max_length=30, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["user", "-created_at", "-id"], name="address_newest")]

    @property
    def etag(self) -> str:
        return f'"{self.version}"'
