"""Merchants' endpoints, what is owed to them and each attempt, as staff send and see them."""

from __future__ import annotations

from typing import Any

from chassis.fields import StrictSerializer
from chassis.pages import PageQuery
from rest_framework import serializers

from notifications.domain.webhooks import EVENTS, TEST, Refused, require_sendable
from notifications.models import STATES, WebhookAttempt, WebhookDelivery, WebhookEndpoint


class EndpointInput(StrictSerializer):
    """No `events`: of everything. https is asked for when a message is sent, unless the network is a permitted one."""

    url = serializers.CharField(max_length=500)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=EVENTS), required=False, max_length=len(EVENTS)
    )

    def validate_url(self, url: str) -> str:
        try:
            require_sendable(url)
        except Refused as refused:
            raise serializers.ValidationError(str(refused), code="invalid_url") from refused
        return url


class EndpointChange(EndpointInput):
    url = serializers.CharField(max_length=500, required=False)
    active = serializers.BooleanField(required=False)

    def validate(self, changes: dict[str, Any]) -> dict[str, Any]:
        if not changes:
            raise serializers.ValidationError("Nothing would change.", code="no_change")
        return changes


class EndpointSchema(serializers.ModelSerializer):
    """`failures` in a row; while `paused_until` lies ahead nothing is posted there."""

    events = serializers.ListField(child=serializers.ChoiceField(choices=EVENTS))

    class Meta:
        model = WebhookEndpoint
        fields = [
            *("id", "url", "description", "events", "active", "failures", "paused_until", "previous_secret_until"),
            *("version", "created_at"),
        ]
        read_only_fields = fields


class EndpointWithSecretSchema(EndpointSchema):
    """As it is answered once, when the secret is made: keep it, it is not shown again."""

    class Meta:
        model = WebhookEndpoint
        fields = [*EndpointSchema.Meta.fields, "secret"]
        read_only_fields = fields


class EndpointPageSchema(serializers.Serializer):
    data = EndpointSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()


class WebhookDeliveryQuery(PageQuery):
    endpoint_id = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(choices=STATES, required=False)
    event = serializers.ChoiceField(choices=[*EVENTS, TEST], required=False)


class WebhookDeliverySchema(serializers.ModelSerializer):
    """A message owed to an endpoint; its `id` is what the merchant sees as `webhook-id`."""

    endpoint_id = serializers.UUIDField()
    event = serializers.ChoiceField(choices=[*EVENTS, TEST])
    state = serializers.ChoiceField(choices=STATES)

    class Meta:
        model = WebhookDelivery
        fields = [
            *("id", "endpoint_id", "event_id", "event", "state", "attempts", "next_try_at", "last_error"),
            *("created_at", "sent_at"),
        ]
        read_only_fields = fields


class AttemptSchema(serializers.ModelSerializer):
    class Meta:
        model = WebhookAttempt
        fields = ["number", "at", "status", "error", "took_ms"]
        read_only_fields = fields


class WebhookDeliveryDetailSchema(WebhookDeliverySchema):
    """With what is sent, and every attempt."""

    log = AttemptSchema(many=True)

    class Meta:
        model = WebhookDelivery
        fields = [*WebhookDeliverySchema.Meta.fields, "body", "log"]
        read_only_fields = fields


class WebhookDeliveryPageSchema(serializers.Serializer):
    data = WebhookDeliverySchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()
