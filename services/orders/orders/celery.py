"""The orders service's Celery application: `celery -A orders worker|beat|flower`."""

from chassis.celery import make_app

app = make_app("orders")
