"""With a collector, a request, what handles its event and its task are one trace; without, no tracer is loaded."""

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from chassis import tracing
from chassis.pytest_plugin import wait_until
from django.test import Client
from django.utils import timezone
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from outbox import inbox
from outbox.context import current
from outbox.events import Event
from project.celery import app

HERE = Path(__file__).parent
TRACE, EDGE = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


WITHOUT_A_COLLECTOR = f"""
import django; django.setup()
import sys
from chassis.tracing import span
with span("x", "00-{TRACE}-{EDGE}-01") as traceparent:
    assert traceparent.split("-")[1] == "{TRACE}"
with span("y", None) as traceparent:
    assert len(traceparent) == 55
assert "opentelemetry.sdk.trace" not in sys.modules and "google.protobuf" not in sys.modules
"""


@pytest.fixture
def collector(settings, monkeypatch):
    """Listens as an OpenTelemetry collector does; yields the spans that came, by name."""
    spans = {}

    class Receive(BaseHTTPRequestHandler):
        def do_POST(self):
            request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/v1/traces":
                spans.update(
                    (span.name, span)
                    for resource in request.resource_spans
                    for scope in resource.scope_spans
                    for span in scope.spans
                )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receive)
    Thread(target=server.serve_forever, daemon=True).start()
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    tracing._tracer.cache_clear()
    yield spans
    tracing._tracer.cache_clear()
    server.shutdown()
    server.server_close()


def event(traceparent: str) -> Event:
    return Event("id", "project.happened.v1", "topic", "key", "thing/1", 1, timezone.now(), {}, traceparent=traceparent)


def run_task(name: str, traceparent: str) -> None:
    """As a worker runs it when it was woken in this trace."""
    app.loader.import_default_modules()  # as a worker does: the tasks are known then
    task = app.tasks[name]
    task.push_request(id="task-1", traceparent=traceparent)
    try:
        task("what went wrong")
    finally:
        task.pop_request()


@pytest.mark.django_db
def test_a_request_its_event_and_its_task_are_one_trace(collector):
    answer = Client().get("/api/v1/things", headers={"traceparent": f"00-{TRACE}-{EDGE}-01"})
    seen = []
    inbox.call(lambda event, *, now: seen.append(current().traceparent), event(answer["traceparent"]), timezone.now())
    with pytest.raises(RuntimeError):
        run_task("project.tasks.fail", seen[0])
    names = ["GET /api/v1/things", "project.happened.v1", "project.tasks.fail"]
    wait_until(lambda: set(names) <= set(collector), 15, "three spans at the collector")
    request, handler, task = (collector[name] for name in names)
    assert {span.trace_id.hex() for span in (request, handler, task)} == {TRACE}
    assert request.parent_span_id.hex() == EDGE
    assert handler.parent_span_id == request.span_id
    assert task.parent_span_id == handler.span_id
    assert task.status.code == task.status.STATUS_CODE_ERROR


@pytest.mark.django_db
def test_a_request_is_named_by_its_route_and_not_by_its_path(collector):
    Client().get("/api/v1/fail/kind-4711", headers={"traceparent": f"00-{TRACE}-{EDGE}-01"})
    wait_until(lambda: collector, 15, "a span at the collector")
    assert set(collector) == {"GET /api/v1/fail/<kind>"}


def test_without_a_collector_the_trace_goes_on_and_no_tracer_is_loaded():
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "project.settings", "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_A_COLLECTOR], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
