"""One task: it writes down what it was given and whose story it runs in."""

from celery import shared_task
from outbox.context import current

from project.models import Note


@shared_task
def note(text: str = "") -> None:
    story = current()
    Note.objects.create(text=text, correlation_id=story.correlation_id, traceparent=story.traceparent)


@shared_task
def fail(text: str = "") -> None:
    raise RuntimeError(text)
