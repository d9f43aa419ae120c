"""One's own inbox and preferences."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chassis.pages import page
from chassis.views import View
from chassis.writes import writes
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from notifications.models import Delivery, Recipient
from notifications.serializers.notices import (
    InboxPageSchema,
    InboxQuery,
    NotificationSchema,
    PreferencesInput,
    PreferencesSchema,
)
from notifications.use_cases import preferences


class Inbox(View):
    @extend_schema(parameters=[InboxQuery], responses=InboxPageSchema)
    def get(self, request: Request) -> Response:
        """What we told the caller, newest first; `unread` chooses those that are (not) read."""
        query = self.query(InboxQuery, request)
        mine = Delivery.objects.inbox_of(request.user.id)
        chosen = mine if query["unread"] is None else mine.filter(read_at__isnull=query["unread"])
        render = lambda rows: NotificationSchema(rows, many=True).data  # noqa: E731
        body = page(chosen, order=("-created_at", "-id"), query=query, render=render)
        return Response({**body, "unread_count": mine.filter(read_at=None).count()})


class InboxRead(View):
    @extend_schema(request=None, responses=NotificationSchema)
    @writes()
    def post(self, request: Request, delivery_id: UUID) -> Response:
        """Mark a notification as read; the first time counts."""
        row = preferences.mark_read(delivery_id=delivery_id, user_id=request.user.id, now=timezone.now())
        return Response(NotificationSchema(row).data)


class Preferences(View):
    @extend_schema(responses=PreferencesSchema)
    def get(self, request: Request) -> Response:
        """What the caller is told, and in which language."""
        person = Recipient.objects.filter(pk=request.user.id).first()
        return Response(render_preferences(person or Recipient(user_id=request.user.id)))

    @extend_schema(request=PreferencesInput, responses=PreferencesSchema)
    @writes("none")
    def put(self, request: Request) -> Response:
        """Replace the caller's choices."""
        given = self.parse(PreferencesInput, request)
        person = preferences.set_preferences(
            user_id=request.user.id,
            language=given["language"],
            order_updates=given["order_updates"]["email"],
            marketing=given["marketing"]["email"],
        )
        return Response(render_preferences(person))


def render_preferences(person: Recipient) -> dict[str, Any]:
    return {
        "email": person.email or None,
        "language": person.language or None,
        "order_updates": {"email": person.order_updates},
        "marketing": {"email": person.marketing},
    }
