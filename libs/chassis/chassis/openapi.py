"""The OpenAPI document: every operation names its problem answers and the headers that it needs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers


class ProblemItem(serializers.Serializer):
    pointer = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemDocument(serializers.Serializer):
    """RFC 9457, with a stable `code`."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = ProblemItem(many=True)  # type: ignore[assignment]  # as DRF wants it
    trace_id = serializers.CharField(allow_null=True)


class StrictSchema(OpenApiSerializerExtension):
    """A StrictSerializer refuses fields that it does not know; its request schema says so."""

    target_class = "chassis.fields.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        if self.target.__doc__ is None:
            schema.pop("description", None)  # it would be StrictSerializer's own
        return {**schema, "additionalProperties": False} if direction == "request" else schema


class ProblemSchema(AutoSchema):
    """drf-spectacular's schema, plus: a `default` problem answer and the Idempotency-Key and If-Match headers."""

    def get_operation_id(self) -> str:
        """As drf-spectacular names it, but a GET of a view named ...List is a list."""
        name = super().get_operation_id()
        if type(self.view).__name__.endswith("List") and name.endswith("_retrieve"):
            return name.removesuffix("_retrieve") + "_list"
        return name

    def get_override_parameters(self) -> list[Any]:
        method = getattr(self.view, self.method.lower(), None)
        idempotency = getattr(method, "idempotency", "none")
        parameters = list(super().get_override_parameters())
        if idempotency != "none":
            parameters.append(
                OpenApiParameter(
                    "Idempotency-Key",
                    str,
                    OpenApiParameter.HEADER,
                    required=idempotency == "required",
                    description="Up to 255 characters, new for each intent; a repeat gets the first answer again.",
                )
            )
        if getattr(method, "if_match", False):
            parameters.append(
                OpenApiParameter(
                    "If-Match", str, OpenApiParameter.HEADER, required=True, description="The ETag you last read."
                )
            )
        return parameters

    def _get_response_bodies(self, direction="response"):
        responses = super()._get_response_bodies(direction)
        problem = self._get_response_for_code(
            OpenApiResponse(ProblemDocument, description="What was wrong, and what to change."),
            "default",
            media_types=["application/problem+json"],
        )
        return {**responses, "default": problem}
