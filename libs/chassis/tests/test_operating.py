"""Alive, ready and measured, with parts of the world away."""

import pytest
from chassis import health
from chassis.metrics import metrics
from chassis.testing import PytestRunner
from django.db import connection
from django.test import Client, RequestFactory


@pytest.fixture
def client(db, monkeypatch) -> Client:
    monkeypatch.setattr(health, "_migrated", False)
    return Client()


def test_a_process_is_alive_without_anything(client, database_away):
    assert client.get("/livez").json() == {"status": "alive", "service": "project"}


def test_a_service_is_ready_with_its_database_migrated(client):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]) == (200, {"database": "ok", "migrations": "ok"})


def test_with_migrations_to_apply_it_is_not_ready(client):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET app = 'elsewhere' WHERE app = 'chassis'")
        try:
            answer = client.get("/readyz")
        finally:
            cursor.execute("UPDATE django_migrations SET app = 'chassis' WHERE app = 'elsewhere'")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "1 migrations are not applied: run manage.py migrate"
    assert client.get("/readyz").status_code == 200


def test_without_its_database_it_is_not_ready(client, database_away):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "database: OperationalError")


def test_what_a_service_adds_counts(client, settings):
    settings.READY_CHECKS = ["test_operating.no_keys"]
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["no_keys"]) == (503, "there is no key")


def no_keys() -> str:
    return "there is no key"


def scrape() -> str:
    return metrics(RequestFactory().get("/metrics")).content.decode()


def test_metrics_are_labelled_by_route_and_not_by_path(client):
    client.get("/api/v1/things?limit=1")
    client.get("/api/v1/nowhere/7")
    client.generic("BREW", "/api/v1/things")
    text = client.get("/metrics").content.decode()
    assert 'http_request_seconds_count{method="GET",status="200",view="api/v1/things"}' in text
    assert 'http_request_seconds_count{method="GET",status="404",view="unknown"}' in text
    assert "nowhere" not in text
    assert "BREW" not in text
    for name in ("outbox_pending 0", 'celery_queue_length{queue="chassis-'):
        assert name in text


def test_without_redis_the_other_metrics_are_there(client, settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:9/0"
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert "outbox_pending 0" in answer.content.decode()
    assert "celery_queue_length{" not in answer.content.decode()


def test_without_the_database_the_other_metrics_are_there(client, database_away):
    assert "http_request_seconds_count" in scrape()
    assert "outbox_pending 0" not in scrape()


def test_manage_py_test_passes_its_options_on():
    assert PytestRunner(keyword="cart", failfast=True, keepdb=True).arguments == ["-x", "--reuse-db", "-k", "cart"]
