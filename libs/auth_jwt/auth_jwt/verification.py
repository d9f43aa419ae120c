"""Is this access token ours, for us, in time, and not revoked?"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings

from auth_jwt.keys import public_key
from auth_jwt.models import KnownUser

logger = logging.getLogger(__name__)
LEEWAY_SECONDS = 30
MAX_LENGTH = 8192
YEAR_3000 = 32_503_680_000
KID = re.compile(r"[A-Za-z0-9_-]{1,64}")
REQUIRED = ["sub", "iss", "aud", "exp", "iat", "jti", "sid", "auth_time", "token_use"]


class InvalidToken(Exception):
    """The token is refused; the message says why in words fit for the caller."""


def verify(token: str) -> dict[str, Any]:
    """The claims of a valid access token (ES256). Raises InvalidToken otherwise."""
    key = public_key(_kid(token))
    if key is None:
        raise InvalidToken("The token was signed with a key that is not ours.")
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=["ES256"],
            issuer=settings.AUTH_JWT["ISSUER"],
            audience=settings.AUTH_JWT["AUDIENCE"],
            leeway=LEEWAY_SECONDS,
            options={"require": REQUIRED},
        )
    except jwt.ExpiredSignatureError as error:
        raise InvalidToken("The token has expired. Refresh it.") from error
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise InvalidToken("The token is not valid.") from error
    _check(claims)
    return claims


def _kid(token: str) -> str:
    if len(token) > MAX_LENGTH:
        raise InvalidToken("The token is too long.")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError) as error:
        raise InvalidToken("The token is not a JWT.") from error
    kid = header.get("kid")
    if header.get("alg") != "ES256" or "crit" in header or not isinstance(kid, str) or not KID.fullmatch(kid):
        raise InvalidToken("The token's header is not one of ours.")
    return kid


def _check(claims: dict[str, Any]) -> None:
    if claims["token_use"] != "access":
        raise InvalidToken("This is not an access token.")
    roles = claims.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise InvalidToken("The token is not valid.")
    if not all(
        isinstance(claims[name], int | float) and 0 <= claims[name] < YEAR_3000 for name in ("iat", "auth_time")
    ):
        raise InvalidToken("The token is not valid.")
    try:
        user_id = UUID(claims["sub"])
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidToken("The token is not valid.") from error
    known = KnownUser.objects.filter(pk=user_id).first()
    if known is None:
        return
    if known.status != "active":
        raise InvalidToken("This account is closed.")
    valid_after = known.tokens_valid_after
    if valid_after and datetime.fromtimestamp(claims["iat"], UTC) < valid_after.replace(microsecond=0):
        raise InvalidToken("This session has ended. Log in again.")
