"""The issuer's public keys: fetched rarely, kept in the database, never a reason to be down.

A key set is read from the process's memory (60 s), else from the database. An unknown `kid` is looked up in the
database at once (another process may have learnt it); then the issuer is asked, at most every 30 s over all processes
of the service.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

import httpx
import jwt
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from auth_jwt.models import JwksDocument

logger = logging.getLogger(__name__)
MEMORY_SECONDS = 60
ASK_AGAIN = timedelta(seconds=30)
_memory: tuple[float, dict[str, Any]] = (0.0, {})


def public_key(kid: str) -> Any | None:
    """The EC public key that `kid` names, or None when the issuer does not know it either."""
    keys = _known()
    if kid not in keys:
        keys = _known(fresh=True)
    if kid not in keys and _may_ask():
        refresh()
        keys = _known(fresh=True)
    return keys.get(kid)


def refresh() -> bool:
    """Fetch the key set and keep it; False (and the old one stays) when the issuer does not answer with usable keys."""
    url = settings.AUTH_JWT["JWKS_URL"]
    try:
        answer = httpx.get(url, timeout=2.0, follow_redirects=False)
        answer.raise_for_status()
        document = answer.json()
        if not _parse(document):
            raise ValueError("it holds no usable ES256 key")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        logger.warning("no key set from %s: %s; the last good one stays", url, error)
        return False
    keep(document)
    return True


def keep(document: dict[str, Any]) -> None:
    """Store a key set as the last good one."""
    url = settings.AUTH_JWT["JWKS_URL"]
    JwksDocument.objects.update_or_create(url=url, defaults={"document": document, "fetched_at": timezone.now()})
    forget()


def forget() -> None:
    """Drop what this process remembers."""
    global _memory
    _memory = (0.0, {})


def _known(fresh: bool = False) -> dict[str, Any]:
    global _memory
    read_at, keys = _memory
    if fresh or not keys or time.monotonic() - read_at > MEMORY_SECONDS:
        row = JwksDocument.objects.filter(url=settings.AUTH_JWT["JWKS_URL"]).first()
        keys = _parse(row.document) if row else {}
        _memory = (time.monotonic(), keys)
    return keys


def _may_ask() -> bool:
    url, now = settings.AUTH_JWT["JWKS_URL"], timezone.now()
    JwksDocument.objects.get_or_create(url=url)
    due = Q(asked_at=None) | Q(asked_at__lt=now - ASK_AGAIN)
    return bool(JwksDocument.objects.filter(due, url=url).update(asked_at=now))


def _parse(document: Any) -> dict[str, Any]:
    keys = {}
    entries = document.get("keys") if isinstance(document, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or (entry.get("kty"), entry.get("crv")) != ("EC", "P-256"):
            continue
        try:
            keys[str(entry["kid"])] = jwt.PyJWK(entry, algorithm="ES256").key
        except (jwt.PyJWTError, KeyError, ValueError, TypeError):
            logger.warning("key %r of the key set cannot be read", entry.get("kid"))
    return keys
