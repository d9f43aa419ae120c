"""A tiny Django project to test the library in: its servers come from the environment or from `.run/test/env`."""

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENV_FILE = Path(os.environ.get("OUTBOX_TEST_ENV", HERE.parents[3] / ".run/test/env"))


def environment() -> dict[str, str]:
    """KEY=VALUE lines of the test servers' file, under the real environment."""
    lines = ENV_FILE.read_text().splitlines() if ENV_FILE.is_file() else []
    found = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name: value.strip("\"'") for name, value in found.items()} | os.environ


env = environment()
RUN = env.get("OUTBOX_TEST_RUN", str(os.getpid()))  # topics, groups and lists of one test session

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "outbox tests only"
USE_TZ = True
TIME_ZONE = "UTC"
ROOT_URLCONF = "project.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "outbox",
    "project",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
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
]
DATABASES = {
    "default": {
        "ENGINE": "outbox.mysql",
        "HOST": env.get("DB_HOST", "127.0.0.1"),
        "PORT": env.get("DB_PORT", "19020"),
        "USER": "crossborder_outbox",
        "PASSWORD": env.get("OUTBOX_DB_PASSWORD", ""),
        "NAME": env.get("OUTBOX_TEST_DB", f"test_crossborder_outbox_{RUN}"),
        "OPTIONS": {"charset": "utf8mb4", "init_command": "SET sql_mode='STRICT_TRANS_TABLES'"},
        "TEST": {
            "NAME": f"test_crossborder_outbox_{RUN}",
            "CHARSET": "utf8mb4",
            "COLLATION": "utf8mb4_general_ci",
        },
    }
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
OUTBOX = {
    "SERVICE": env.get("OUTBOX_TEST_SERVICE", f"shop{RUN}"),
    "TOPIC": env.get("OUTBOX_TEST_TOPIC", f"outbox-test-{RUN}"),
    "SUBSCRIPTIONS": [env.get("OUTBOX_TEST_TOPIC", f"outbox-test-{RUN}")],
    "HANDLERS": env.get("OUTBOX_TEST_HANDLERS", "project.handlers.HANDLERS"),
    "SCHEMAS": HERE / "schemas",
    "WAKE_URL": env.get("CELERY_BROKER_URL"),
    "BOOTSTRAP_SERVERS": env.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:19022"),
    "CLIENT_ID": "outbox-test",
}
LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
