"""The identity service's Celery application: `celery -A identity worker|beat|flower`."""

from chassis.celery import make_app

app = make_app("identity")
