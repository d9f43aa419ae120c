"""Signing: SimpleJWT's tokens, with a `kid`, an audience, and keys that rotate without a logout."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from identity.models import Session, SigningKey

PUBLISHED_BEFORE_USE = timedelta(minutes=10)
KEPT_AFTER_USE = timedelta(hours=1)
REFRESH_LIFETIME = timedelta(days=30)


class NoSigningKey(Exception):
    """There is no key to sign with: `manage.py rotate_signing_key --if-missing` makes one."""


class KeyedBackend(TokenBackend):
    """SimpleJWT's backend, naming the key in the header."""

    def __init__(self, key: SigningKey):
        super().__init__(
            "ES256",
            signing_key=key.private_pem,
            verifying_key=jwt.PyJWK(key.public_jwk, algorithm="ES256").key,
            audience=settings.AUTH_JWT["AUDIENCE"],
            issuer=settings.AUTH_JWT["ISSUER"],
        )
        self.kid = key.kid

    def encode(self, payload: dict[str, Any]) -> str:
        claims = {**payload, "aud": self.audience, "iss": self.issuer}
        return jwt.encode(claims, self.prepared_signing_key, algorithm="ES256", headers={"kid": self.kid})


class Access(AccessToken):
    token_type = "access"
    lifetime = timedelta(minutes=5)


class Refresh(RefreshToken):
    token_type = "refresh"
    lifetime = REFRESH_LIFETIME


def sign(token: Token, key: SigningKey) -> str:
    """The token's text, signed with this key; `token_use` takes the place of SimpleJWT's own claim name."""
    return KeyedBackend(key).encode(token.payload)


def access_token(session: Session, key: SigningKey) -> str:
    """Five minutes of access for the session's user."""
    user = session.user
    token = Access()
    token.payload.update(
        sub=str(user.id),
        sid=str(session.id),
        roles=sorted(user.roles),
        auth_time=int(session.auth_time.timestamp()),
        token_use="access",
    )
    return sign(token, key)


def refresh_token(session: Session, key: SigningKey) -> tuple[str, str, datetime]:
    """A refresh token's text, its `jti` and when it expires."""
    token = Refresh()
    token.payload.update(sub=str(session.user_id), sid=str(session.id), token_use="refresh")
    expires_at = datetime.fromtimestamp(token.payload["exp"], tz=timezone.get_default_timezone())
    return sign(token, key), token.payload["jti"], expires_at


def read_refresh_token(text: str) -> str | None:
    """The `jti` of a refresh token that we signed and that has not expired, else None."""
    try:
        kid = jwt.get_unverified_header(text).get("kid")
        key = SigningKey.objects.filter(pk=str(kid)[:40]).first()
        if key is None:
            return None
        claims = jwt.decode(
            text,
            jwt.PyJWK(key.public_jwk, algorithm="ES256").key,
            algorithms=["ES256"],
            audience=settings.AUTH_JWT["AUDIENCE"],
            issuer=settings.AUTH_JWT["ISSUER"],
        )
    except (jwt.PyJWTError, ValueError):
        return None
    return claims["jti"] if claims.get("token_use") == "refresh" else None


def signing_key(now: datetime) -> SigningKey:
    """The newest key whose time to sign has come. Raises NoSigningKey."""
    key = SigningKey.objects.filter(signs_from__lte=now).order_by("-signs_from").first()
    if key is None:
        raise NoSigningKey("run manage.py rotate_signing_key --if-missing")
    return key


def published_keys(now: datetime) -> list[dict[str, Any]]:
    """The key set: keys that sign, will sign, or signed until an hour ago."""
    current = SigningKey.objects.filter(Q(retired_at=None) | Q(retired_at__gt=now - KEPT_AFTER_USE))
    return [{**key.public_jwk, "kid": key.kid, "use": "sig", "alg": "ES256"} for key in current.order_by("signs_from")]


def new_signing_key(now: datetime) -> SigningKey:
    """Make a key: the first signs at once, a later one after every service had time to fetch it."""
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    first = not SigningKey.objects.exists()
    signs_from = now if first else now + PUBLISHED_BEFORE_USE
    SigningKey.objects.filter(retired_at=None).update(retired_at=signs_from)
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(private.public_key()))
    return SigningKey.objects.create(
        kid=f"{now:%Y%m%d}-{uuid4().hex[:8]}", private_pem=pem.decode(), public_jwk=jwk, signs_from=signs_from
    )


def signing_key_exists() -> str | None:
    """A readiness check: what is wrong, or None."""
    return None if SigningKey.objects.exists() else "no signing key: run manage.py rotate_signing_key --if-missing"
