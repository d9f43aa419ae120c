"""What all five services set alike; a service's own settings.py adds what is its own and may override any of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from chassis.background import celery_settings, event_settings, schedule_settings
from chassis.env import SERVICES, Env
from chassis.logs import logging_config

APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "django_celery_beat",
    "outbox",
    "auth_jwt",
    "chassis",
]
MIDDLEWARE = [
    "chassis.middleware.RequestContext",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
]
TOPICS = {
    "KAFKA_ORDERS_TOPIC": "order-events",
    "KAFKA_STOCK_TOPIC": "stock-events",
    "KAFKA_PAYMENTS_TOPIC": "payment-events",
    "KAFKA_USERS_TOPIC": "user-events",
}
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
SQL_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY"  # noqa: E501


class Service:
    """One service's place in the whole: its name, the topic it writes, the topics it reads.

    `publishes` and `subscribes` name the settings that hold the topics (`KAFKA_ORDERS_TOPIC`), not the topics.
    """

    def __init__(self, settings_file: str, *, publishes: str | None, subscribes: list[str]):
        self.package = Path(settings_file).resolve().parent
        self.base = self.package.parent
        self.root = Path(os.environ.get("CROSSBORDER_ROOT", self.base.parent.parent))
        self.name = self.package.name
        self.index = SERVICES.index(self.name)
        self.publishes, self.subscribes = publishes, subscribes
        self.env = Env(self.name, self.root)
        self.debug = self.env.bool("DEBUG", False)

    def settings(self) -> dict[str, Any]:
        parts = (
            *(self._django(), self._pages(), self._security(), self._databases(), self._api()),
            *(celery_settings(self), schedule_settings(self), event_settings(self), self._mail()),
        )
        return {name: value for part in parts for name, value in part.items()}

    @property
    def public_url(self) -> str:
        return self.env.http("PUBLIC_URL", "http://localhost:18000").rstrip("/")

    def topic(self, setting: str) -> str:
        return self.env.str(setting, TOPICS[setting])

    def _django(self) -> dict[str, Any]:
        env, name = self.env, self.name
        public_url = self.public_url
        return {
            "SERVICE": name,
            "BASE_DIR": self.base,
            "SECRET_KEY": env.str("SECRET_KEY"),
            "DEBUG": self.debug,
            "ALLOWED_HOSTS": env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"]),
            "PUBLIC_URL": public_url,
            "CSRF_TRUSTED_ORIGINS": env.list("CSRF_TRUSTED_ORIGINS", default=[]),
            "GATEWAY_CIDR": env.networks("GATEWAY_CIDR", ["127.0.0.1/32", "::1/128"]),
            "INSTALLED_APPS": [*APPS, name],
            "MIDDLEWARE": MIDDLEWARE,
            "ROOT_URLCONF": f"{name}.urls",
            "WSGI_APPLICATION": f"{name}.wsgi.application",
            "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
            "LANGUAGE_CODE": "en",
            "LANGUAGES": [("en", "English"), ("de", "Deutsch"), ("ja", "日本語")],
            "TIME_ZONE": "UTC",
            "USE_TZ": True,
            "APPEND_SLASH": False,
            "DATA_UPLOAD_MAX_MEMORY_SIZE": 1_048_576,
            "OTEL_EXPORTER_OTLP_ENDPOINT": env.http("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
            "LOGGING": logging_config(env.choice("LOG_LEVEL", "INFO", LOG_LEVELS)),
            "LOGGING_CONFIG": "logging.config.dictConfig",
            "TEST_RUNNER": "chassis.testing.PytestRunner",
        }

    def _pages(self) -> dict[str, Any]:
        """Templates, static files and media: the admin's, and what shoppers see of the catalogue."""
        env, name = self.env, self.name
        return {
            "TEMPLATES": [
                {
                    "BACKEND": "django.template.backends.django.DjangoTemplates",
                    "APP_DIRS": True,
                    "OPTIONS": {
                        "context_processors": [
                            "django.template.context_processors.request",
                            "django.contrib.auth.context_processors.auth",
                            "django.contrib.messages.context_processors.messages",
                        ]
                    },
                }
            ],
            "STATIC_URL": f"/static/{name}/",
            "STATIC_ROOT": self.base / "staticfiles",
            "WHITENOISE_USE_FINDERS": True,
            "WHITENOISE_AUTOREFRESH": self.debug,
            "MEDIA_URL": "/media/",
            "MEDIA_ROOT": Path(env.str("MEDIA_ROOT", str(self.root / ".run" / "media"))),
        }

    def _security(self) -> dict[str, Any]:
        name, https = self.name, self.public_url.startswith("https")
        return {
            "AUTH_PASSWORD_VALIDATORS": [
                {"NAME": f"django.contrib.auth.password_validation.{validator}"}
                for validator in (
                    "UserAttributeSimilarityValidator",
                    "MinimumLengthValidator",
                    "CommonPasswordValidator",
                )
            ],
            "SESSION_COOKIE_NAME": f"{name}_session",
            "CSRF_COOKIE_NAME": f"{name}_csrf",
            "LANGUAGE_COOKIE_NAME": f"{name}_language",
            "SESSION_COOKIE_SECURE": https,
            "CSRF_COOKIE_SECURE": https,
            "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
            "SECURE_CONTENT_TYPE_NOSNIFF": True,
            "SECURE_REFERRER_POLICY": "same-origin",
            "SECURE_HSTS_SECONDS": 31_536_000 if https else 0,
            "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
            "SECURE_HSTS_PRELOAD": True,
            "SECURE_SSL_REDIRECT": False,
            "SILENCED_SYSTEM_CHECKS": ["security.W008"],  # the gateway redirects to https, services never see http
            "X_FRAME_OPTIONS": "DENY",
        }

    def _databases(self) -> dict[str, Any]:
        env = self.env
        schema = f"crossborder_{self.name}"
        return {
            "DATABASES": {
                "default": {
                    "ENGINE": "outbox.mysql",
                    "HOST": env.str("DB_HOST", "127.0.0.1"),
                    "PORT": env.int("DB_PORT", 3306),
                    "USER": env.str("DB_USER", schema),
                    "PASSWORD": env.str("DB_PASSWORD", ""),
                    "NAME": env.str("DB_NAME", schema),
                    "CONN_MAX_AGE": 60,
                    "CONN_HEALTH_CHECKS": True,
                    "OPTIONS": {
                        "charset": "utf8mb4",
                        "isolation_level": "read committed",
                        "connect_timeout": 5,
                        "init_command": f"SET sql_mode='{SQL_MODE}', time_zone='+00:00', innodb_lock_wait_timeout=5",
                    },
                    "TEST": {"NAME": f"test_{schema}", "CHARSET": "utf8mb4"},
                }
            }
        }

    def _api(self) -> dict[str, Any]:
        env, name = self.env, self.name
        public_url = self.public_url
        return {
            "AUTH_JWT": {
                "JWKS_URL": env.str("AUTH_JWKS_URL", f"{public_url}/.well-known/jwks.json"),
                "ISSUER": env.str("AUTH_ISSUER", "crossborder-identity"),
                "AUDIENCE": env.str("AUTH_AUDIENCE", "crossborder-api"),
            },
            "REST_FRAMEWORK": {
                "DEFAULT_AUTHENTICATION_CLASSES": ["auth_jwt.authentication.BearerAuthentication"],
                "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
                "DEFAULT_THROTTLE_CLASSES": ["chassis.throttles.PrincipalThrottle"],
                "DEFAULT_PARSER_CLASSES": ["chassis.parsers.BoundedJSONParser"],
                "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
                "DEFAULT_SCHEMA_CLASS": "chassis.openapi.ProblemSchema",
                "DEFAULT_VERSIONING_CLASS": None,
                "EXCEPTION_HANDLER": "chassis.problems.handle",
                "UNAUTHENTICATED_USER": "auth_jwt.principals.Anonymous",
                "TEST_REQUEST_DEFAULT_FORMAT": "json",
                "COMPACT_JSON": True,
            },
            "API_REQUESTS_PER_MINUTE": env.int("API_REQUESTS_PER_MINUTE", 600, least=1),
            "SPECTACULAR_SETTINGS": {
                "TITLE": f"Crossborder Trade: {name}",
                "VERSION": "1.0.0",
                "OAS_VERSION": "3.1.0",
                "SERVE_INCLUDE_SCHEMA": False,
                "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
                "SERVE_AUTHENTICATION": [],
                "SCHEMA_PATH_PREFIX": "/api/v1",
                "COMPONENT_SPLIT_REQUEST": True,
                "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
            },
        }

    def _mail(self) -> dict[str, Any]:
        return {
            "EMAIL_HOST": self.env.str("EMAIL_HOST", "127.0.0.1"),
            "EMAIL_PORT": self.env.int("EMAIL_PORT", 25),
            "EMAIL_HOST_USER": self.env.str("EMAIL_HOST_USER", ""),
            "EMAIL_HOST_PASSWORD": self.env.str("EMAIL_HOST_PASSWORD", ""),
            "EMAIL_USE_TLS": self.env.bool("EMAIL_USE_TLS", False),
            "EMAIL_TIMEOUT": 10,
            "DEFAULT_FROM_EMAIL": self.env.matching(
                "DEFAULT_FROM_EMAIL",
                "Crossborder Trade <shop@crossborder.example>",
                r'[^@<>\s]+@[^@<>\s]+|("[^"<>\r\n]*"|[^@<>,:;()"\r\n]*)\s*<[^@<>\s]+@[^@<>\s]+>',
                "an address such as Shop <shop@shop.example>",
            ),
        }
