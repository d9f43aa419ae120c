"""What every request carries: an id, a trace, a correlation for its events, and a place in the metrics."""

from __future__ import annotations

import re
import time

from django.http import HttpRequest, HttpResponse
from outbox.context import correlation
from uuid_utils.compat import uuid7

from chassis.logs import log_fields
from chassis.metrics import REQUEST_SECONDS
from chassis.tracing import rename_span, span

TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")


class RequestContext:
    """Accepts `X-Request-ID` and `traceparent` (the gateway lets them in from the edge only), or makes them."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if REQUEST_ID.fullmatch(given) else str(uuid7())
        match = TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
        started = time.perf_counter()
        with (
            span(request.method or "other", match and match[0], "SERVER") as traceparent,
            log_fields(request_id=request_id, trace_id=traceparent.split("-")[1]),
            correlation(correlation_id=request_id, traceparent=traceparent),
        ):
            response = self.get_response(request)
            method = request.method if request.method in METHODS else "other"
            route = request.resolver_match.route if request.resolver_match else "unknown"
            rename_span(f"{method} /{route}")  # by route: a collector counts by name
        REQUEST_SECONDS.labels(method, route, str(response.status_code)).observe(time.perf_counter() - started)
        response["X-Request-ID"] = request_id
        response["traceparent"] = traceparent
        return response
