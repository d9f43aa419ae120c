"""Tasks that write down what they were given, in whose story and over which connection they run."""

from celery import shared_task
from django.db import connection
from outbox.context import current

from project.models import Note


@shared_task
def note(text: str = "") -> None:
    story = current()
    Note.objects.create(text=text, correlation_id=story.correlation_id, traceparent=story.traceparent)


@shared_task
def fail(text: str = "") -> None:
    raise RuntimeError(text)


@shared_task
def note_connection() -> None:
    connection.ensure_connection()
    Note.objects.create(text=str(connection.connection.thread_id()))
