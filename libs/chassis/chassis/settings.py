"""What all five services set alike; a service's own settings.py adds what is its own and may override any of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kombu import Queue

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
        return {
            **self._django(),
            **self._databases(),
            **self._api(),
            **self._celery(),
            **self._events(),
            **self._mail(),
        }

    def topic(self, setting: str) -> str:
        return self.env.str(setting, TOPICS[setting])

    def _django(self) -> dict[str, Any]:
        env, name = self.env, self.name
        public_url = env.str("PUBLIC_URL", "http://localhost:18000").rstrip("/")
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
            "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
            "AUTH_PASSWORD_VALIDATORS": [
                {"NAME": f"django.contrib.auth.password_validation.{validator}"}
                for validator in (
                    "UserAttributeSimilarityValidator",
                    "MinimumLengthValidator",
                    "CommonPasswordValidator",
                )
            ],
            "LANGUAGE_CODE": "en",
            "LANGUAGES": [("en", "English"), ("de", "Deutsch"), ("ja", "日本語")],
            "TIME_ZONE": "UTC",
            "USE_TZ": True,
            "STATIC_URL": f"/static/{name}/",
            "STATIC_ROOT": self.base / "staticfiles",
            "WHITENOISE_USE_FINDERS": True,
            "WHITENOISE_AUTOREFRESH": self.debug,
            "MEDIA_URL": "/media/",
            "MEDIA_ROOT": Path(env.str("MEDIA_ROOT", str(self.root / ".run" / "media"))),
            "SESSION_COOKIE_NAME": f"{name}_session",
            "CSRF_COOKIE_NAME": f"{name}_csrf",
            "LANGUAGE_COOKIE_NAME": f"{name}_language",
            "SESSION_COOKIE_SECURE": public_url.startswith("https"),
            "CSRF_COOKIE_SECURE": public_url.startswith("https"),
            "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
            "SECURE_CONTENT_TYPE_NOSNIFF": True,
            "SECURE_REFERRER_POLICY": "same-origin",
            "SECURE_HSTS_SECONDS": 31_536_000 if public_url.startswith("https") else 0,
            "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
            "SECURE_HSTS_PRELOAD": True,
            "SECURE_SSL_REDIRECT": False,
            "SILENCED_SYSTEM_CHECKS": ["security.W008"],  # the gateway redirects to https, services never see http
            "X_FRAME_OPTIONS": "DENY",
            "APPEND_SLASH": False,
            "DATA_UPLOAD_MAX_MEMORY_SIZE": 1_048_576,
            "LOGGING": logging_config(env.str("LOG_LEVEL", "INFO")),
            "LOGGING_CONFIG": "logging.config.dictConfig",
            "TEST_RUNNER": "chassis.testing.PytestRunner",
        }

    def _databases(self) -> dict[str, Any]:
        env = self.env
        schema = f"crossborder_{self.name}"
        return {
            "DATABASES": {
                "default": {
                    "ENGINE": "django.db.backends.mysql",
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
        public_url = env.str("PUBLIC_URL", "http://localhost:18000").rstrip("/")
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

    def _celery(self) -> dict[str, Any]:
        env = self.env
        default_queue = env.str("CELERY_DEFAULT_QUEUE", "default")
        queue = env.str(f"CELERY_{self.name.upper()}_QUEUE", self.name)
        return {
            "CELERY_BROKER_URL": env.redis("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0", offset=0),
            "CELERY_RESULT_BACKEND": env.redis("CELERY_RESULT_BACKEND", "redis://127.0.0.1:6379/1", offset=1),
            "CELERY_TASK_DEFAULT_QUEUE": default_queue,
            "CELERY_TASK_ROUTES": {"*": {"queue": queue}},
            "CELERY_TASK_QUEUES": [Queue(queue), Queue(default_queue)],  # what a worker reads unless -Q says otherwise
            "CELERY_WORKER_CONCURRENCY": env.int("CELERY_WORKER_CONCURRENCY", 2, least=1),
            "CELERY_TASK_ALWAYS_EAGER": env.bool("CELERY_TASK_ALWAYS_EAGER", False),
            "CELERY_TASK_EAGER_PROPAGATES": True,
            "CELERY_TASK_IGNORE_RESULT": True,
            "CELERY_TASK_ACKS_LATE": True,
            # A lost task is found again by its sweep; rejecting it instead would loop on a poisonous one.
            "CELERY_TASK_REJECT_ON_WORKER_LOST": False,
            "CELERY_TASK_TIME_LIMIT": 120,
            "CELERY_TASK_SOFT_TIME_LIMIT": 90,
            "CELERY_WORKER_PREFETCH_MULTIPLIER": 1,
            "CELERY_WORKER_SEND_TASK_EVENTS": True,
            "CELERY_TASK_SEND_SENT_EVENT": True,
            "CELERY_WORKER_HIJACK_ROOT_LOGGER": False,
            "CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT": 20,
            "CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP": True,
            "CELERY_BROKER_TRANSPORT_OPTIONS": {
                # Without these three, waking a task while Redis is away holds its request for six seconds.
                "max_retries": 1,
                "interval_start": 0,
                "interval_step": 0,
                "visibility_timeout": 600,
                "unacked_restore_interval": 2,
                "unacked_restore_throttle": 1,
                "socket_timeout": 10,
                "socket_connect_timeout": 2,
                "socket_keepalive": True,
                "retry_on_timeout": True,
            },
            "CELERY_RESULT_EXPIRES": 3600,
            "CELERY_TIMEZONE": "UTC",
            "CELERY_BEAT_SCHEDULER": "chassis.beat:GuardedScheduler",
            "CELERY_BEAT_MAX_LOOP_INTERVAL": 5,
            "BEAT_SCHEDULES": {
                **({"outbox.tasks.publish_outbox_events": 1} if self.publishes else {}),
                **({"outbox.tasks.retry_parked": 15, "outbox.tasks.purge_inbox": 3600} if self.subscribes else {}),
                "auth_jwt.tasks.refresh_jwks": 300,
                "chassis.tasks.forget_old_requests": 3600,
            },
            "FLOWER_PORT": env.int("FLOWER_PORT", 5555) + self.index,
            "FLOWER_BASIC_AUTH": env.str("FLOWER_BASIC_AUTH", ""),
        }

    def _events(self) -> dict[str, Any]:
        env = self.env
        return {
            "OUTBOX": {
                "SERVICE": self.name,
                "TOPIC": self.topic(self.publishes) if self.publishes else None,
                "SUBSCRIPTIONS": [self.topic(setting) for setting in self.subscribes],
                "HANDLERS": f"{self.name}.consumers.HANDLERS" if self.subscribes else None,
                "SCHEMAS": self.base / "contracts" / "events",
                "VALIDATE": env.bool("OUTBOX_VALIDATE", True),
                "WAKE_URL": env.redis("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0", offset=0),
                "BOOTSTRAP_SERVERS": env.str("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
                "CLIENT_ID": env.str("KAFKA_CLIENT_ID", "crossborder-trade-api"),
                "IDEMPOTENCE": env.bool("KAFKA_PRODUCER_IDEMPOTENCE", True),
                "SECURITY_PROTOCOL": env.str("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT"),
                "SASL_MECHANISM": env.str("KAFKA_SASL_MECHANISM", ""),
                "SASL_USERNAME": env.str("KAFKA_SASL_USERNAME", ""),
                "SASL_PASSWORD": env.str("KAFKA_SASL_PASSWORD", ""),
                "BATCH_SIZE": env.int("OUTBOX_DISPATCH_BATCH_SIZE", 50, least=1),
                "MAX_ATTEMPTS": env.int("OUTBOX_MAX_ATTEMPTS", 5, least=1),
                "MAX_PAYLOAD_BYTES": env.int("OUTBOX_MAX_PAYLOAD_BYTES", 900_000, least=1),
                "TOPICS_FILE": self.root / env.str("KAFKA_TOPICS_FILE", "deploy/topics.toml"),
                "METRICS_PORT": env.int("METRICS_PORT", 0),
            }
        }

    def _mail(self) -> dict[str, Any]:
        return {
            "EMAIL_HOST": self.env.str("EMAIL_HOST", "127.0.0.1"),
            "EMAIL_PORT": self.env.int("EMAIL_PORT", 25),
            "EMAIL_HOST_USER": self.env.str("EMAIL_HOST_USER", ""),
            "EMAIL_HOST_PASSWORD": self.env.str("EMAIL_HOST_PASSWORD", ""),
            "EMAIL_USE_TLS": self.env.bool("EMAIL_USE_TLS", False),
            "EMAIL_TIMEOUT": 10,
            "DEFAULT_FROM_EMAIL": self.env.str("DEFAULT_FROM_EMAIL", "Crossborder Trade <shop@crossborder.example>"),
        }
