"""A tiny project with the settings that services get, on the test servers of `.run/test/env`."""

import os
from pathlib import Path

from chassis.settings import Service
from kombu import Queue

ROOT = Path(__file__).resolve().parents[4]
RUN = os.environ.setdefault("CHASSIS_TEST_RUN", str(os.getpid()))
os.environ["CROSSBORDER_TESTING"] = "1"
os.environ.setdefault("CROSSBORDER_ROOT", str(ROOT))

service = Service(str(ROOT / "services/orders/orders/settings.py"), publishes="KAFKA_ORDERS_TOPIC", subscribes=[])
env = service.env
globals().update(service.settings())

SERVICE = "project"
BASE_DIR = Path(__file__).parent
INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "orders"] + ["project"]  # type: ignore[name-defined]  # noqa: F821
ROOT_URLCONF = "project.urls"
DATABASES["default"] |= {  # type: ignore[name-defined]  # noqa: F821
    "USER": "crossborder_authjwt",
    "PASSWORD": env.str("AUTHJWT_DB_PASSWORD"),
    "NAME": f"test_crossborder_authjwt_chassis{RUN}",
    "TEST": {"NAME": f"test_crossborder_authjwt_chassis{RUN}", "CHARSET": "utf8mb4"},
}
REDIS = os.environ.get("CHASSIS_TEST_REDIS", env.str("CELERY_BROKER_URL").rpartition("/")[0])
CELERY_BROKER_URL = f"{REDIS}/14"
CELERY_RESULT_BACKEND = f"{REDIS}/15"
CELERY_TASK_ROUTES = {"*": {"queue": f"chassis-{RUN}"}}
CELERY_TASK_QUEUES = [Queue(f"chassis-{RUN}")]
OUTBOX |= {"SERVICE": "project", "SCHEMAS": BASE_DIR / "schemas", "VALIDATE": False, "WAKE_URL": None}  # type: ignore[name-defined]  # noqa: F821
BEAT_SCHEDULES = {"project.tasks.note": 1, "chassis.tasks.forget_old_requests": 3600}
