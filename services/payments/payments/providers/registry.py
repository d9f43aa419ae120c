"""Which provider the settings name; made once per process, because it holds connections."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

from payments.providers.base import Provider
from payments.providers.sandbox import SandboxProvider


@lru_cache(maxsize=8)
def provider_named(name: str) -> Provider:
    """Raises LookupError for a provider that there is not."""
    if name == "sandbox":
        return SandboxProvider(settings.SANDBOX_URL)
    if name == "stripe" and settings.STRIPE_API_KEY:
        from payments.providers.stripe import StripeProvider  # 34 MB, so only where it is used

        return StripeProvider(settings.STRIPE_API_KEY)
    raise LookupError(f"there is no payment provider {name!r}")
