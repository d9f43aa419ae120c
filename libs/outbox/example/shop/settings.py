"""The least that a project with the outbox needs. Addresses come from the environment."""

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECRET_KEY = os.environ.get("SECRET_KEY", "only an example")
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["outbox", "shop"]
DATABASES = {
    "default": {
        "ENGINE": "outbox.mysql",
        "HOST": os.environ.get("DB_HOST", "127.0.0.1"),
        "PORT": os.environ.get("DB_PORT", "3306"),
        "USER": os.environ.get("DB_USER", "shop"),
        "PASSWORD": os.environ.get("DB_PASSWORD", ""),
        "NAME": os.environ.get("DB_NAME", "shop"),
        "OPTIONS": {"charset": "utf8mb4"},
    }
}
OUTBOX = {
    "SERVICE": "shop",
    "TOPIC": os.environ.get("TOPIC", "shop-events"),
    "SUBSCRIPTIONS": [os.environ.get("TOPIC", "shop-events")],  # it reads what it writes; others would name theirs
    "HANDLERS": "shop.consumers.HANDLERS",
    "SCHEMAS": HERE / "schemas",
    "TOPICS_FILE": HERE / "topics.toml",
    "WAKE_URL": os.environ.get("REDIS_URL"),  # None: the relay looks once a second
    "BOOTSTRAP_SERVERS": os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
}
LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
