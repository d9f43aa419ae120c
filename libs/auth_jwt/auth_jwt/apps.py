"""The Django app: `INSTALLED_APPS = [..., "auth_jwt"]` and a settings dict `AUTH_JWT`."""

from django.apps import AppConfig


class AuthJwtConfig(AppConfig):
    name = "auth_jwt"
    default_auto_field = "django.db.models.BigAutoField"
