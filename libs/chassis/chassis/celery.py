"""A service's Celery application: its own queue, its own Redis databases, tasks that retry lost conflicts."""

from __future__ import annotations

import os
import sys

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun
from django.conf import settings
from django.db import close_old_connections


def make_app(service: str) -> Celery:
    """The service's application. Celery prefers two variables of the environment to its settings, which alone know
    the service's own database numbers: so the variables are made to say the same.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"{service}.settings")
    for name in ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"):
        os.environ[name] = getattr(settings, name)
    if "flower" in sys.argv[1:]:
        _set_up_flower()
    app = Celery(service, task_cls="chassis.tasks:Task")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize  # or Celery closes the database's connection around every task
    app.autodiscover_tasks()
    app.user_options["preload"].clear()
    return app


def _set_up_flower() -> None:
    """Flower reads FLOWER_*: its port is FLOWER_PORT + the index; without a password it is for this machine."""
    os.environ["FLOWER_PORT"] = str(settings.FLOWER_PORT)
    if settings.FLOWER_BASIC_AUTH:
        os.environ["FLOWER_BASIC_AUTH"] = settings.FLOWER_BASIC_AUTH
    else:
        os.environ["FLOWER_ADDRESS"] = "127.0.0.1"


@task_prerun.connect
@task_postrun.connect
def _close_old_connections(**kwargs) -> None:
    """A worker's thread keeps its connection as a request's does: CONN_MAX_AGE long, looked at before it is used."""
    close_old_connections()


@setup_logging.connect
def _use_django_logging(**kwargs) -> None:
    """Celery would replace the root logger; Django's JSON logging is already set up."""
