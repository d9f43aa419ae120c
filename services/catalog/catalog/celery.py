"""The catalog service's Celery application: `celery -A catalog worker|beat|flower`."""

from chassis.celery import make_app

app = make_app("catalog")
