"""Settings from the environment: `<SERVICE>_X` over `X`, and one sentence instead of a traceback when one is wrong."""

from __future__ import annotations

import builtins
import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit, urlunsplit

import environ

SERVICES = ("identity", "catalog", "orders", "payments", "notifications")
BOOLEANS = {*environ.Env.BOOLEAN_TRUE_STRINGS, "0", "false", "no", "n", "off"}


class Env(environ.Env):
    """django-environ's reader, with a service's own value winning over the shared one.

    Files are read once, and never override the real environment: the repository's `.env`, then what the local stack
    wrote to `.run/env`; under `manage.py test` only `.run/test/env`, so that tests never touch a running stack's data.
    Exits the process with a sentence that names the variable when it is missing or malformed.
    """

    def __init__(self, service: str, root: Path):
        super().__init__()
        self.service = service
        self.service_prefix = f"{service.upper()}_"
        testing = os.environ.get("CROSSBORDER_TESTING") == "1"
        for name in [".run/test/env"] if testing else [".env", ".run/env"]:
            if (root / name).is_file() and os.access(root / name, os.R_OK):
                self.read_env(root / name)

    def get_value(
        self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, parse_default: bool = False
    ) -> Any:
        """The value as written: unlike django-environ's own, a leading `$` is part of it (passwords may have one)."""
        name = self.service_prefix + var if self.service_prefix + var in self.ENVIRON else var
        text = self.ENVIRON.get(name)
        if default is self.NOTSET and not text:
            self._refuse(f"{name} is not set")
        if text is None or (text == "" and cast is not str):
            return default
        try:
            if cast is bool and text.lower() not in BOOLEANS:
                raise ValueError(text)
            return self.parse_value(text, cast)
        except (ValueError, TypeError):
            self._refuse(f"{name} must be {getattr(cast, '__name__', cast)}, not {text!r}")

    def _refuse(self, reason: str) -> NoReturn:
        raise SystemExit(
            f"{self.service}: {reason}. Set it in the environment or in .env (.env.example explains it)."
        ) from None

    def int(self, var: str, default: Any = environ.Env.NOTSET, *, least: builtins.int | None = None) -> builtins.int:
        value = super().int(var, default)
        if least is not None and value < least:
            self._refuse(f"{var} must be at least {least}, not {value}")
        return value

    def choice(self, var: str, default: str, options: tuple[str, ...]) -> str:
        """One of these words."""
        text = self.str(var, default)
        if text not in options:
            self._refuse(f"{var} must be {', '.join(options[:-1])} or {options[-1]}, not {text!r}")
        return text

    def matching(self, var: str, default: str, pattern: str, what: str) -> str:
        """Text of this form; `what` says it in words, with an example."""
        text = self.str(var, default)
        if not re.fullmatch(pattern, text):
            self._refuse(f"{var} must be {what}, not {text!r}")
        return text

    def http(self, var: str, default: str) -> str:
        """An http or https address; empty if the default is."""
        text = self.str(var, default)
        if text != default and not _is_http(text):
            self._refuse(f"{var} must be an address such as https://host.example, not {text!r}")
        return text

    def networks(self, var: str, default: builtins.list[str]) -> builtins.list[str]:
        """Address blocks such as 10.0.0.0/8, separated by commas."""
        blocks = self.list(var, default=default)
        for block in blocks:
            try:
                ip_network(block)
            except ValueError as error:
                self._refuse(f"{var} must be address blocks such as 10.0.0.0/8: {error}")
        return blocks

    def redis(self, var: str, default: str, *, offset: builtins.int) -> str:
        """A Redis address whose database number is this service's own (2i + offset), unless set for this service."""
        own = self.service_prefix + var in self.ENVIRON
        address = self.str(var, default)
        parts = urlsplit(address)
        if own:
            return address
        if parts.scheme not in {"redis", "rediss"}:
            self._refuse(f"{var} must be a redis:// address, not {address!r}")
        return urlunsplit(parts._replace(path=f"/{2 * SERVICES.index(self.service) + offset}"))


def _is_http(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return False
