"""Whose a cart, a quote or an order is: a user's, or a guest's who holds a token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Owner:
    """Exactly one of a user and the SHA-256 (hex) of a guest's token; neither is nobody, who owns nothing."""

    user_id: UUID | None = None
    token_sha256: str | None = None

    @property
    def is_nobody(self) -> bool:
        return self.user_id is None and self.token_sha256 is None

    @property
    def key(self) -> str:
        return f"user:{self.user_id}" if self.user_id else f"token:{self.token_sha256}"

    def fields(self) -> dict[str, UUID | str | None]:
        return {"user_id": self.user_id, "token_sha256": self.token_sha256}


def new_token() -> str:
    """256 random bits, base64url; only its hash is kept."""
    return secrets.token_urlsafe(32)


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def order_token(key: str, order_id: UUID) -> str:
    """What opens a guest's order: base64url(HMAC-SHA256(key, order id)), the same each time it is asked for."""
    digest = hmac.new(key.encode(), str(order_id).encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
