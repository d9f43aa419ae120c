"""Where shoppers may be sent back to."""

from __future__ import annotations


def normal(url: str) -> str:
    """An address with its scheme and host in lower case and without a slash at its end."""
    scheme, _, rest = url.strip().partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}://{host.lower()}{slash}{path}".rstrip("/")
