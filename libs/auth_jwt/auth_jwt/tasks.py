"""The scheduled refresh of the key set."""

from celery import shared_task

from auth_jwt import keys


@shared_task
def refresh_jwks() -> bool:
    """Fetch the issuer's key set; False when it did not answer and the old one stays."""
    return keys.refresh()
