"""`@writes`: how a view's method that changes something is run: retried on conflict, and once per Idempotency-Key.

The record of an answer and the effect commit together. A twin that is still running is refused at once (409), never
waited for: MySQL's GET_LOCK says "in flight" without a wait, and frees itself when its connection dies.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from django.conf import settings
from django.db import connection, transaction
from outbox.transactions import retry_conflicts
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from chassis.models import IdempotentRequest
from chassis.problems import Conflict, Problem, Unprocessable

REPLAYED_HEADERS = ("Location", "ETag", "Retry-After")
SECRET_HEADERS = ("Cart-Token",)  # an answer that hands out a secret is not kept: a replay could not repeat it
Idempotency = Literal["required", "optional", "none"]


def writes(idempotency: Idempotency = "optional", *, if_match: bool = False) -> Callable:
    """Decorate a view's method. `required`: a missing key is a 400; `none`: the method is idempotent by its nature.
    `if_match` says that the method asks for If-Match (`require_match`), so that the OpenAPI document says it too.

    Raises Problem: 400 `idempotency_key_required`, 409 `request_in_flight`, 422 `idempotency_key_reused`.
    Answers of 2xx are kept for 24 hours; a refusal changed nothing and is decided anew.
    """

    def decorate(method: Callable) -> Callable:
        @functools.wraps(method)
        def run(view, request: Request, *args, **kwargs) -> Response:
            key = request.headers.get("Idempotency-Key", "")
            if idempotency == "required" and not key:
                raise Problem(
                    "idempotency_key_required", "Send an Idempotency-Key header: any text, new for each intent."
                )
            if not key or idempotency == "none":
                return retry_conflicts(lambda: method(view, request, *args, **kwargs))
            if len(key) > 255 or not key.isprintable():
                raise Problem("idempotency_key_invalid", "An Idempotency-Key has up to 255 printable characters.")
            route = f"{request.method} {request.path}"
            if len(route) > 120:
                route = hashlib.sha256(route.encode()).hexdigest()
            return _once(view.principal(request), route, key, request, lambda: method(view, request, *args, **kwargs))

        run.idempotency, run.if_match = idempotency, if_match  # type: ignore[attr-defined]
        return run

    return decorate


def _once(principal: str, route: str, key: str, request: Request, effect: Callable[[], Response]) -> Response:
    fingerprint = hashlib.sha256(json.dumps(request.data, sort_keys=True).encode()).hexdigest()
    with _in_flight(principal, route, key):
        earlier = IdempotentRequest.objects.filter(principal=principal, route=route, key=key).first()
        if earlier is not None:
            return _replay(earlier, fingerprint)

        def once() -> Response:
            with transaction.atomic():
                response = effect()
                if response.status_code < 300 and not any(name in response for name in SECRET_HEADERS):
                    _keep(response, principal=principal, route=route, key=key, fingerprint=fingerprint)
                return response

        return retry_conflicts(once)


def _keep(response: Response, **where: str) -> None:
    headers = {name: response[name] for name in REPLAYED_HEADERS if name in response}
    body = json.loads(json.dumps(response.data, cls=JSONEncoder))
    IdempotentRequest.objects.create(status=response.status_code, headers=headers, body=body, **where)


def _replay(earlier: IdempotentRequest, fingerprint: str) -> Response:
    if earlier.fingerprint != fingerprint:
        raise Unprocessable("idempotency_key_reused", "This Idempotency-Key was used with another body. Use a new one.")
    return Response(earlier.body, status=earlier.status, headers={**earlier.headers, "Idempotent-Replayed": "true"})


@contextmanager
def _in_flight(*parts: str) -> Iterator[None]:
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]
    name = f"{settings.SERVICE}:{digest}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, 0)", [name])
        if cursor.fetchone()[0] != 1:
            raise Conflict(
                "request_in_flight", "The same request is being handled. Ask again.", headers={"Retry-After": "1"}
            )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DO RELEASE_LOCK(%s)", [name])
