"""The notifications service's Celery application: `celery -A notifications worker|beat|flower`."""

from chassis.celery import make_app

app = make_app("notifications")
