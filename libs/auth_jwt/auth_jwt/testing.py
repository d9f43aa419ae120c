"""Tokens for tests: a key pair of our own, its public half kept as the last good key set."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from auth_jwt import keys

KID = "test-key"
PRIVATE_KEY = ec.generate_private_key(ec.SECP256R1())


def install_key() -> None:
    """Make this process's test key the service's key set (call it once the database is there)."""
    document = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(PRIVATE_KEY.public_key()))
    keys.keep({"keys": [{**document, "kid": KID, "use": "sig", "alg": "ES256"}]})


def access_token(user_id: UUID | str | None = None, roles: list[str] | None = None, **claims: Any) -> str:
    """A token that verifies after `install_key()`; `claims` override any of its claims, `None` removes one."""
    now = int(time.time())
    payload = {
        "sub": str(user_id or uuid4()),
        "iss": settings.AUTH_JWT["ISSUER"],
        "aud": settings.AUTH_JWT["AUDIENCE"],
        "iat": now,
        "exp": now + 300,
        "jti": uuid4().hex,
        "sid": uuid4().hex,
        "auth_time": now,
        "token_use": "access",
        "roles": roles or [],
        **claims,
    }
    payload = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(payload, PRIVATE_KEY, algorithm="ES256", headers={"kid": KID})


def bearer(user_id: UUID | str | None = None, roles: list[str] | None = None, **claims: Any) -> dict[str, str]:
    """The header for Django's test client: `client.get(url, headers=bearer(user))`."""
    return {"Authorization": f"Bearer {access_token(user_id, roles, **claims)}"}
