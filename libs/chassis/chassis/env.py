"""Settings from the environment: `<SERVICE>_X` over `X`, and one sentence instead of a traceback when one is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import environ
from django.core.exceptions import ImproperlyConfigured

SERVICES = ("identity", "catalog", "orders", "payments", "notifications")


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
        name = self.service_prefix + var if self.service_prefix + var in self.ENVIRON else var
        if self.ENVIRON.get(name) == "" and default is not self.NOTSET and cast is not str:
            return default
        try:
            return super().get_value(name, cast, default, parse_default)
        except (ImproperlyConfigured, ValueError, TypeError) as error:
            if name not in self.ENVIRON:
                reason = "is not set"
            else:
                reason = f"must be {getattr(cast, '__name__', cast)}, not {self.ENVIRON[name]!r}"
            raise SystemExit(
                f"{self.service}: {name} {reason}. Set it in the environment or in .env (.env.example explains it)."
            ) from error

    def int(self, var: str, default: Any = environ.Env.NOTSET, *, least: int | None = None) -> int:
        value = super().int(var, default)
        if least is not None and value < least:
            raise SystemExit(f"{self.service}: {var} must be at least {least}, not {value}.")
        return value

    def redis(self, var: str, default: str, *, offset: int) -> str:
        """A Redis address whose database number is this service's own (2i + offset), unless set for this service."""
        own = self.service_prefix + var in self.ENVIRON
        address = self.str(var, default)
        parts = urlsplit(address)
        if parts.scheme not in {"redis", "rediss", "unix", "sentinel"}:
            raise SystemExit(f"{self.service}: {var} must be a redis:// address, not {address!r}.")
        if own:
            return address
        return urlunsplit(parts._replace(path=f"/{2 * SERVICES.index(self.service) + offset}"))
