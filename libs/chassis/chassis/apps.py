"""The Django app; it also loads the service's Celery application, so that every process can send tasks."""

from importlib import import_module

from django.apps import AppConfig
from django.conf import settings


class ChassisConfig(AppConfig):
    name = "chassis"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module(f"{settings.SERVICE}.celery")
