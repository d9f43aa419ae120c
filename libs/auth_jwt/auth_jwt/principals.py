"""Who asks: a user as the verified token describes them, or nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Principal:
    """A verified access token's bearer."""

    id: UUID
    roles: frozenset[str]
    auth_time: datetime
    session_id: str
    claims: dict[str, Any] = field(repr=False, hash=False, compare=False, default_factory=dict)
    is_authenticated = True
    is_active = True
    is_staff = False

    @property
    def pk(self) -> UUID:
        return self.id

    @classmethod
    def of(cls, claims: dict[str, Any]) -> Principal:
        return cls(
            id=UUID(claims["sub"]),
            roles=frozenset(claims.get("roles", [])),
            auth_time=datetime.fromtimestamp(claims.get("auth_time", 0), UTC),
            session_id=str(claims.get("sid", "")),
            claims=claims,
        )


class Anonymous:
    """Nobody; guests are known by the tokens they carry, which their services check."""

    id = pk = None
    roles: frozenset[str] = frozenset()
    is_authenticated = False
    is_active = False
    is_staff = False
