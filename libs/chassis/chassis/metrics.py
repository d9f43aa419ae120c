"""Prometheus metrics of a process; row counts (outbox, inbox) are read when the web process is scraped."""

from __future__ import annotations

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Gauge, Histogram, generate_latest

REQUEST_SECONDS = Histogram(
    "http_request_seconds",
    "Time to answer, by view",
    ["method", "view", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
QUEUE_LENGTH = Gauge("celery_queue_length", "Tasks that wait in Redis", ["queue"])
DatabaseErrors = (DatabaseError, InterfaceError)
BEAT_LAST_RUN = Gauge("beat_last_run_seconds", "Seconds since Beat last sent any task")


def metrics(request: HttpRequest) -> HttpResponse:
    """All metrics of this process; a part that cannot be read is left out, never an error."""
    _read_queues()
    _read_beat()
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _read_queues() -> None:
    import redis
    from django.conf import settings

    client = redis.Redis.from_url(settings.CELERY_BROKER_URL, socket_timeout=0.2, socket_connect_timeout=0.2)
    try:
        for queue in [each.name for each in settings.CELERY_TASK_QUEUES]:
            QUEUE_LENGTH.labels(queue).set(client.llen(queue))
    except redis.RedisError:
        QUEUE_LENGTH.clear()
    finally:
        client.close()


def _read_beat() -> None:
    from django.db.models import Max
    from django.utils import timezone
    from django_celery_beat.models import PeriodicTask

    try:
        last = PeriodicTask.objects.aggregate(last=Max("last_run_at"))["last"]
    except DatabaseErrors:
        last = None
    if last is None:
        BEAT_LAST_RUN.set(float("nan"))
    else:
        BEAT_LAST_RUN.set((timezone.now() - last).total_seconds())
