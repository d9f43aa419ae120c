"""RFC 9457 answers: one exception class for what a caller did wrong, one handler for everything else.

Problem(400)
├── Unauthorized(401)   no or unusable credentials
├── Forbidden(403)      known, but not allowed
├── NotFound(404)       absent, or someone else's
├── Conflict(409)       the state of things does not allow it now
└── Unprocessable(422)  understood, but cannot be done as asked
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any
from urllib.parse import quote

from django.core.exceptions import PermissionDenied
from django.http import Http404, JsonResponse
from outbox.transactions import is_transient
from rest_framework import exceptions
from rest_framework.response import Response

from chassis.logs import current_fields

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal that says what to change. `code` is stable and machine-readable; `extra` joins the document."""

    status = 400
    title = "Bad request"

    def __init__(
        self, code: str, detail: str, *, errors: list[dict] | None = None, headers: dict | None = None, **extra: Any
    ):
        super().__init__(f"{code}: {detail}")
        self.code, self.detail, self.errors, self.extra = code, detail, errors or [], extra
        self.headers = headers or {}

    def document(self) -> dict[str, Any]:
        return document(self.status, self.title, self.code, str(self.detail), self.errors, **self.extra)


class Unauthorized(Problem):
    status, title = 401, "Unauthorized"


class Forbidden(Problem):
    status, title = 403, "Forbidden"


class NotFound(Problem):
    status, title = 404, "Not found"

    def __init__(
        self, detail: str = "There is no such object, or it is not yours.", code: str = "not_found", **kw: Any
    ):
        super().__init__(code, detail, **kw)


class Conflict(Problem):
    status, title = 409, "Conflict"


class PreconditionFailed(Problem):
    status, title = 412, "Precondition failed"


class PreconditionRequired(Problem):
    status, title = 428, "Precondition required"


class Unprocessable(Problem):
    status, title = 422, "Unprocessable content"


class TooManyRequests(Problem):
    status, title = 429, "Too many requests"


def document(status: int, title: str, code: str, detail: str, errors: list[dict] | None = None, **extra: Any) -> dict:
    return {
        "type": f"urn:crossborder:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "errors": errors or [],
        "trace_id": current_fields().get("trace_id"),
        **extra,
    }


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every refusal becomes problem+json; an unknown error is a 500 logged with its trace."""
    if isinstance(error, Problem):
        return _answer(error.status, error.document(), error.headers)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.ValidationError):
        errors = list(pointers(error.detail))
        return _answer(
            400, document(400, "Bad request", "invalid", "The request has errors; each says what to change.", errors)
        )
    if isinstance(error, exceptions.APIException):
        return _answer(error.status_code, _of_drf(error), _drf_headers(error))
    if is_transient(error):
        logger.exception("the database did not answer")
        problem = document(
            503, "Service unavailable", "database_unavailable", "The service cannot reach its data. Try again."
        )
        return _answer(503, problem, {"Retry-After": "2"})
    logger.exception("unexpected error")
    return _answer(
        500, document(500, "Internal error", "internal", "Something failed on our side; nothing was changed.")
    )


def pointers(detail: Any, at: str = "#") -> Iterator[dict[str, str]]:
    """DRF's nested error detail as a flat list of {pointer, code, detail}, pointers as in RFC 6901 fragments."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from pointers(inner, at if name == "non_field_errors" else f"{at}/{_escaped(name)}")
    elif isinstance(detail, list):
        if all(isinstance(item, exceptions.ErrorDetail) for item in detail):
            for item in detail:
                yield {"pointer": at, "code": item.code, "detail": str(item)}
        else:
            for position, inner in enumerate(detail):
                yield from pointers(inner, f"{at}/{position}")
    elif detail:
        yield {"pointer": at, "code": getattr(detail, "code", "invalid"), "detail": str(detail)}


def _escaped(name: Any) -> str:
    return quote(str(name).replace("~", "~0").replace("/", "~1"))


def _of_drf(error: exceptions.APIException) -> dict[str, Any]:
    detail = error.detail
    if isinstance(detail, dict):  # SimpleJWT's errors
        code, text = str(detail.get("code", error.default_code)), str(detail.get("detail", detail))
    else:
        code = getattr(detail, "code", error.default_code)
        text = str(detail)
    return document(error.status_code, str(error.default_detail).rstrip("."), code, text)


def _drf_headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if seconds := getattr(error, "wait", None):
        headers["Retry-After"] = str(ceil(seconds))
    return headers


def _answer(status: int, body: dict, headers: dict | None = None) -> Response:
    return Response(body, status=status, headers=headers, content_type=CONTENT_TYPE)


def not_found_page(request, exception=None) -> JsonResponse:
    """Django's handler404: an unknown path is a problem document too."""
    return JsonResponse(
        document(404, "Not found", "not_found", f"There is nothing at {request.path}."),
        status=404,
        content_type=CONTENT_TYPE,
    )


def bad_request_page(request, exception=None) -> JsonResponse:
    return JsonResponse(
        document(400, "Bad request", "bad_request", "The request could not be read."),
        status=400,
        content_type=CONTENT_TYPE,
    )


def error_page(request) -> JsonResponse:
    body = document(500, "Internal error", "internal", "Something failed on our side; nothing was changed.")
    return JsonResponse(body, status=500, content_type=CONTENT_TYPE)
