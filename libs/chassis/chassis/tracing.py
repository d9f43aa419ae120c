"""Spans of requests, handlers and tasks, sent to an OpenTelemetry collector where one is set.

Without OTEL_EXPORTER_OTLP_ENDPOINT nothing of OpenTelemetry's tracing is loaded (redis-py loads 2.5 MB of its metrics
by itself); the trace's ids travel all the same, from the edge through rows, headers and tasks.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

from django.conf import settings

Kind = Literal["SERVER", "CONSUMER"]


@contextmanager
def span(name: str, parent: str | None, kind: Kind = "CONSUMER") -> Iterator[str]:
    """Run the block as a span under `parent`, a traceparent (None begins a trace); gives the traceparent of what the
    block causes. What the block raises marks the span as failed and is raised on.
    """
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        _, trace_id, _, flags = parent.split("-") if parent else ("", secrets.token_hex(16), "", "01")
        yield f"00-{trace_id}-{secrets.token_hex(8)}-{flags}"
        return
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    propagator = TraceContextTextMapPropagator()
    context = propagator.extract({"traceparent": parent} if parent else {})
    with _tracer().start_as_current_span(name, context=context, kind=trace.SpanKind[kind]):
        carrier: dict[str, str] = {}
        propagator.inject(carrier)
        yield carrier["traceparent"]


def rename_span(name: str) -> None:
    """Give the running span another name, when more is known than at its beginning."""
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        from opentelemetry import trace

        trace.get_current_span().update_name(name)


@cache
def _tracer() -> Any:
    """Made at the first span, so after any fork; what is not sent yet is sent when the process ends."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": settings.SERVICE}))
    endpoint = f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip('/')}/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider.get_tracer("crossborder")
