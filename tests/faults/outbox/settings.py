"""Django settings of the processes that are killed: addresses from the environment, the rest from `world`."""

import os

SECRET_KEY = "tests only"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["outbox", "tests.faults.outbox.tally"]
DATABASES = {
    "default": {
        "ENGINE": "outbox.mysql",
        "HOST": "127.0.0.1",
        "PORT": os.environ.get("FAULTS_DB_PORT", "0"),
        "USER": "crossborder_outbox",
        "PASSWORD": os.environ.get("FAULTS_DB_PASSWORD", ""),
        "NAME": os.environ.get("FAULTS_DB_NAME", "test_crossborder_outbox_faults"),
        "OPTIONS": {"charset": "utf8mb4", "connect_timeout": 5},
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
OUTBOX: dict = {"SERVICE": "faults"}
LOGGING = {
    "version": 1,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
