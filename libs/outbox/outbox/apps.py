"""The Django app "outbox"."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """Tables, admin pages and commands of the outbox and the inbox."""

    name = "outbox"
    verbose_name = "Outbox and inbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks."""
        from outbox import checks  # noqa: F401
