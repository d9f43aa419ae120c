"""Notices, preferences and deliveries as callers send and see them."""

from __future__ import annotations

from typing import Any

from chassis.fields import StrictSerializer
from chassis.pages import PageQuery
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from notifications.domain.policy import KINDS, LANGUAGES
from notifications.models import CHANNELS, STATES, Delivery

TEMPLATES = sorted(KINDS)


class InboxQuery(PageQuery):
    unread = serializers.BooleanField(required=False, allow_null=True, default=None)


class NotificationSchema(serializers.ModelSerializer):
    """A line of one's inbox; `title` and `text` are in the language it was written in, `locale`."""

    template = serializers.ChoiceField(choices=TEMPLATES)
    title = serializers.CharField(source="subject")

    class Meta:
        model = Delivery
        fields = ["id", "template", "title", "text", "locale", "order_id", "order_number", "created_at", "read_at"]
        read_only_fields = fields


class InboxPageSchema(serializers.Serializer):
    data = NotificationSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()
    unread_count = serializers.IntegerField()


class CategoryInput(StrictSerializer):
    email = serializers.BooleanField()


@extend_schema_field({"anyOf": [{"type": "string", "enum": list(LANGUAGES)}, {"type": "null"}]})
class LanguageField(serializers.ChoiceField):
    """A language we write in, or null."""

    def __init__(self, **kwargs: Any):
        super().__init__(choices=LANGUAGES, allow_null=True, **kwargs)


class PreferencesInput(StrictSerializer):
    """`language` null: as each order says. Without `order_updates` only mails about shipments end; confirmations,
    refusals, cancellations and refunds belong to the contract and are always mailed."""

    language = LanguageField()
    order_updates = CategoryInput()
    marketing = CategoryInput()


class PreferencesSchema(serializers.Serializer):
    """`email` is the account's address, null while it is not known here; mails about an order go to the order's own."""

    email = serializers.CharField(allow_null=True)
    language = LanguageField()
    order_updates = CategoryInput()
    marketing = CategoryInput()


class DeliveryQuery(PageQuery):
    state = serializers.ChoiceField(choices=STATES, required=False)
    template = serializers.ChoiceField(choices=TEMPLATES, required=False)
    recipient = serializers.CharField(max_length=254, required=False)
    order_number = serializers.CharField(max_length=20, required=False)


class DeliverySchema(serializers.ModelSerializer):
    """What was owed and what became of it. `reason` says why it is suppressed."""

    template = serializers.ChoiceField(choices=TEMPLATES)
    channel = serializers.ChoiceField(choices=CHANNELS)
    state = serializers.ChoiceField(choices=STATES)

    class Meta:
        model = Delivery
        fields = [
            "id",
            "template",
            "business_key",
            "channel",
            "order_id",
            "order_number",
            "user_id",
            "recipient",
            "locale",
            "subject",
            "state",
            "reason",
            "attempts",
            "next_try_at",
            "last_error",
            "created_at",
            "sent_at",
            "read_at",
        ]
        read_only_fields = fields


class DeliveryDetailSchema(DeliverySchema):
    """The whole delivery: with its text, and with what the event said."""

    context = serializers.DictField()

    class Meta:
        model = Delivery
        fields = [*DeliverySchema.Meta.fields, "text", "context"]
        read_only_fields = fields


class DeliveryPageSchema(serializers.Serializer):
    data = DeliverySchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()
