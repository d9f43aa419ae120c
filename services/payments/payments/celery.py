"""The payments service's Celery application: `celery -A payments worker|beat|flower`."""

from chassis.celery import make_app

app = make_app("payments")
