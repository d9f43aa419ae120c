"""What the settings must name for shoppers to pay at all; nothing fails without it, so it is said at the start."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

logger = logging.getLogger(__name__)
NEEDED = {
    "PAYMENTS_RETURN_ORIGINS": ("payments.W001", "every payment is refused: return_url_not_allowed"),
    "PAYMENTS_WEBHOOK_SECRETS": ("payments.W002", "every webhook of the provider is refused: bad_signature"),
}


@register()
def needed_settings(app_configs=None, **_) -> list[CheckMessage]:
    """A warning for each setting that is empty."""
    return [
        Warning(f"{name} is empty; {effect}", id=warning_id)
        for name, (warning_id, effect) in NEEDED.items()
        if not getattr(settings, name)
    ]


def log_needed_settings() -> None:
    """For processes that make no checks at their start, such as gunicorn's."""
    for warning in needed_settings():
        logger.warning("%s: %s", warning.id, warning.msg)
