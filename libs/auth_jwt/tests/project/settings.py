"""A tiny Django project to test the library in: its servers come from the environment or from `.run/test/env`."""

import os
from pathlib import Path

ENV_FILE = Path(__file__).resolve().parents[4] / ".run/test/env"


def environment() -> dict[str, str]:
    """KEY=VALUE lines of the test servers' file, under the real environment."""
    lines = ENV_FILE.read_text().splitlines() if ENV_FILE.is_file() else []
    found = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name: value.strip("\"'") for name, value in found.items()} | os.environ


env = environment()
RUN = env.get("AUTHJWT_TEST_RUN", str(os.getpid()))

SERVICE = "shop"
SECRET_KEY = "auth_jwt tests only"
USE_TZ = True
TIME_ZONE = "UTC"
ROOT_URLCONF = "project.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "outbox", "auth_jwt"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.mysql",
        "HOST": env.get("DB_HOST", "127.0.0.1"),
        "PORT": env.get("DB_PORT", "19020"),
        "USER": "crossborder_authjwt",
        "PASSWORD": env.get("AUTHJWT_DB_PASSWORD", ""),
        "NAME": f"test_crossborder_authjwt_{RUN}",
        "OPTIONS": {
            "charset": "utf8mb4",
            "isolation_level": "read committed",
            "init_command": "SET sql_mode='STRICT_TRANS_TABLES', time_zone='+00:00'",
        },
        "TEST": {"NAME": f"test_crossborder_authjwt_{RUN}", "CHARSET": "utf8mb4"},
    }
}
AUTH_JWT = {
    "JWKS_URL": env.get("AUTHJWT_TEST_JWKS_URL", "http://127.0.0.1:9/jwks.json"),
    "ISSUER": "crossborder-identity",
    "AUDIENCE": "crossborder-api",
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["auth_jwt.authentication.BearerAuthentication"],
    "UNAUTHENTICATED_USER": "auth_jwt.principals.Anonymous",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
OUTBOX = {"SERVICE": SERVICE, "HANDLERS": "auth_jwt.consumers.HANDLERS", "VALIDATE": False}
