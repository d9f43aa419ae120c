"""The project's Celery application."""

from chassis.celery import make_app

app = make_app("project")
