"""JSON log lines that carry the request, trace and order they belong to."""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from outbox.context import current

_fields: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("log_fields")


@contextmanager
def log_fields(**fields: Any) -> Iterator[None]:
    """Every line logged inside carries these fields (`order_id=...`, `request_id=...`)."""
    token = _fields.set({**current_fields(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def current_fields() -> dict[str, Any]:
    return _fields.get({})


class ContextFilter(logging.Filter):
    """Puts the current fields and the service's name on each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        from django.conf import settings

        record.service = settings.SERVICE
        for name, value in (_trace() | current_fields()).items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


def _trace() -> dict[str, str]:
    """The trace that an event's handler or a task belongs to, as the outbox carries it."""
    traceparent = current().traceparent
    return {"trace_id": traceparent.split("-")[1]} if traceparent else {}


def logging_config(level: str) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"context": {"()": "chassis.logs.ContextFilter"}},
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
                "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
                "datefmt": "%Y-%m-%dT%H:%M:%S%z",
                "json_ensure_ascii": False,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["context"]}},
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"level": "ERROR"},
            "kombu": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "django_celery_beat": {"level": "WARNING"},
        },
    }
