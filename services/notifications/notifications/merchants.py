"""Speaking with a merchant's system: one POST, to an address that was looked at first, without following anything."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit, urlunsplit

import httpx
from django.conf import settings

from notifications.domain.webhooks import Refused, require_reachable, require_sendable

TIMEOUT = httpx.Timeout(10.0, connect=5.0)
LONGEST = 20.0  # seconds for all of it: each byte of an answer would get TIMEOUT anew


@dataclass(frozen=True)
class Answer:
    """What came of a POST. `status` is None when there was no answer; `error` then says why."""

    status: int | None
    error: str
    took_ms: int

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """410: the merchant wants no more."""
        return self.status == 410


def post(url: str, *, body: str, headers: dict[str, str]) -> Answer:
    """Send once. The host is resolved here and the connection goes to the address that was judged, not to a second
    look-up's; certificates are still checked for the host's name.
    """
    started = time.monotonic()
    try:
        answer = _send(url, body, headers)
        error = "" if answer.is_success else f"answered {answer.status_code}"
        return Answer(answer.status_code, error, _since(started))
    except (httpx.HTTPError, httpx.InvalidURL, OSError, Refused, UnicodeError) as error:
        return Answer(None, f"{type(error).__name__}: {error}"[:500], _since(started))


def _send(url: str, body: str, headers: dict[str, str]) -> httpx.Response:
    require_sendable(url)
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = [str(place[4][0]) for place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    address = require_reachable(url, found, settings.WEBHOOKS_PRIVATE_NETWORKS)
    pinned = parts._replace(netloc=f"[{address}]:{port}" if ":" in address else f"{address}:{port}")
    request = httpx.Request("POST", urlunsplit(pinned), content=body.encode(), headers=headers)
    request.headers["Host"] = parts.netloc
    request.extensions |= {"sni_hostname": host, "timeout": TIMEOUT.as_dict()}
    return asyncio.run(_answered(request))


async def _answered(request: httpx.Request) -> httpx.Response:
    try:
        async with (
            asyncio.timeout(LONGEST),
            httpx.AsyncClient(verify=_certificates(), follow_redirects=False, trust_env=False) as client,
        ):
            answer = await client.send(request, stream=True)  # what they write back is not read
            await answer.aclose()
            return answer
    except TimeoutError as error:
        raise TimeoutError(f"no answer within {LONGEST:g} s") from error


@cache
def _certificates() -> ssl.SSLContext:
    """The system's authorities, or SSL_CERT_FILE's."""
    return ssl.create_default_context()


def _since(started: float) -> int:
    return round(1000 * (time.monotonic() - started))
