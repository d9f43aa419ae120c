"""What the sandbox provider is told by its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_FOLDER = Path(__file__).resolve().parents[2] / ".run" / "sandbox"
WEBHOOK_PATH = "/api/v1/webhooks/payments/sandbox"


@dataclass(frozen=True)
class Settings:
    """`pace` multiplies every delay that a test payment method makes (and the wait between a webhook's tries)."""

    host: str
    port: int
    public_url: str
    folder: Path
    webhook_url: str
    secret: str
    auth_hours: float
    pace: float


def read_settings(variables: Mapping[str, str]) -> Settings:
    """Raises SystemExit with a sentence that names the variable that is missing or malformed."""
    url = variables.get("SANDBOX_URL", "http://127.0.0.1:18032")
    listen = urlsplit(url)
    if listen.scheme != "http" or not listen.hostname or not listen.port:
        raise SystemExit(f"SANDBOX_URL is {url!r}: it must look like http://127.0.0.1:18032.")
    secret = variables.get("PAYMENTS_WEBHOOK_SECRETS", "").split(",")[0].strip()
    if not secret:
        raise SystemExit("PAYMENTS_WEBHOOK_SECRETS is not set: webhooks are signed with the first of these secrets.")
    webhook_url = variables.get("SANDBOX_WEBHOOK_URL") or variables.get("PUBLIC_URL", "").rstrip("/") + WEBHOOK_PATH
    if urlsplit(webhook_url).scheme not in ("http", "https"):
        raise SystemExit("Neither SANDBOX_WEBHOOK_URL nor PUBLIC_URL is a URL: webhooks have nowhere to go.")
    return Settings(
        host=listen.hostname,
        port=listen.port,
        public_url=variables.get("SANDBOX_PUBLIC_URL", url).rstrip("/"),
        folder=Path(variables.get("SANDBOX_DATA") or DEFAULT_FOLDER),
        webhook_url=webhook_url,
        secret=secret,
        auth_hours=_positive(variables, "SANDBOX_AUTH_HOURS", 168),
        pace=_positive(variables, "SANDBOX_PACE", 1),
    )


def _positive(variables: Mapping[str, str], name: str, default: float) -> float:
    text = variables.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e6:
        raise SystemExit(f"{name} is {text!r}: it must be a number above 0.")
    return value
