"""Alive (the process answers) and ready (it could serve: database, migrations, and what the service adds)."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils.module_loading import import_string

_migrated = False


def livez(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "alive", "service": settings.SERVICE})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 with each check's word, or 503. Kafka and Redis are not asked: the outbox and the sweeps absorb both."""
    checks = {"database": _database, "migrations": _migrations}
    checks.update({path.rsplit(".", 1)[-1]: import_string(path) for path in getattr(settings, "READY_CHECKS", [])})
    answers = {name: _word(check) for name, check in checks.items()}
    ready = all(word == "ok" for word in answers.values())
    body = {"status": "ready" if ready else "not ready", "service": settings.SERVICE, "checks": answers}
    return JsonResponse(body, status=200 if ready else 503)


def _word(check) -> str:
    try:
        return check() or "ok"
    except DatabaseError as error:
        return f"database: {error.__class__.__name__}"


def _database() -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return None


def _migrations() -> str | None:
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if waiting:
            return f"{len(waiting)} migrations are not applied: run manage.py migrate"
        _migrated = True
    return None
