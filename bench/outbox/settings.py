"""Django settings of the measured processes: our library, the peer, and the tables of a small shop."""

import os
from pathlib import Path

SECRET_KEY = "bench only"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["outbox", "django_outbox_pattern", "bench.outbox.shop"]
TOPIC = os.environ.get("BENCH_TOPIC", "bench")
DATABASES = {
    "default": {
        "ENGINE": "outbox.mysql",
        "HOST": "127.0.0.1",
        "PORT": os.environ.get("BENCH_DB_PORT", "0"),
        "USER": "crossborder_outbox",
        "PASSWORD": os.environ.get("BENCH_DB_PASSWORD", ""),
        "NAME": "test_crossborder_outbox_bench",
        "OPTIONS": {"charset": "utf8mb4"},
        "CONN_MAX_AGE": None,
    }
}
OUTBOX = {
    "SERVICE": os.environ.get("BENCH_SERVICE", "bench"),
    "TOPIC": TOPIC,
    "SUBSCRIPTIONS": [TOPIC],
    "HANDLERS": "bench.outbox.shop.handlers.HANDLERS",
    "SCHEMAS": Path(__file__).parent / "shop",
    "WAKE_URL": os.environ.get("BENCH_REDIS_URL"),
    "BOOTSTRAP_SERVERS": os.environ.get("BENCH_KAFKA", ""),
    "BATCH_SIZE": int(os.environ.get("BENCH_BATCH_SIZE", "50")),
}
DJANGO_OUTBOX_PATTERN = {
    "DEFAULT_CONNECTION_CLASS": "bench.outbox.peer.KafkaInsteadOfStomp",
    "DEFAULT_PRODUCER_WAITING_TIME": 0,
}
