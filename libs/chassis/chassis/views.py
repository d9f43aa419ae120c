"""The base of all API views: who asks, what they may ask for, and how a page of answers looks."""

from __future__ import annotations

import hashlib
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from chassis.addresses import client_address
from chassis.problems import PreconditionFailed, PreconditionRequired


class View(APIView):
    """Parse -> one use case -> render. Subclasses name their serializers and decorate writing methods with @writes."""

    def principal(self, request: Request) -> str:
        """Whom an Idempotency-Key belongs to: a user, the holder of a guest's token, else an address."""
        if request.user.is_authenticated:
            return f"user:{request.user.pk}"
        token = self.guest_token(request)
        if token:
            return f"guest:{hashlib.sha256(token.encode()).hexdigest()}"
        return f"address:{client_address(request)}"

    def guest_token(self, request: Request) -> str:
        return request.headers.get("Cart-Token") or request.headers.get("Order-Token") or ""

    def parse(self, serializer: type[serializers.BaseSerializer], request: Request, **context: Any) -> dict[str, Any]:
        """The body, validated; raises ValidationError, which becomes a 400 that lists every field to change."""
        parsed = serializer(data=request.data, context={"request": request, **context})
        parsed.is_valid(raise_exception=True)
        return parsed.validated_data

    def query(self, serializer: type[serializers.BaseSerializer], request: Request) -> dict[str, Any]:
        """The query string, validated; an unknown parameter is a 400."""
        parsed = serializer(data=request.query_params.dict(), context={"request": request})
        parsed.is_valid(raise_exception=True)
        return parsed.validated_data


def require_match(request: Request, etag: str) -> None:
    """Raises 428 without If-Match and 412 when it names another version than `etag` (a quoted string)."""
    given = request.headers.get("If-Match")
    if not given:
        raise PreconditionRequired("if_match_required", "Send If-Match with the ETag you last read.")
    if given.strip() != "*" and etag not in [part.strip() for part in given.split(",")]:
        raise PreconditionFailed("stale", "It has changed since you read it. Read it again, then repeat your change.")
