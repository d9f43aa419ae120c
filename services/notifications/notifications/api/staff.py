"""Deliveries, for staff."""

from __future__ import annotations

from uuid import UUID

from auth_jwt.permissions import FreshLogin, has_role
from chassis.pages import page
from chassis.problems import NotFound
from chassis.views import View
from chassis.writes import writes
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from notifications.models import Delivery
from notifications.serializers.notices import DeliveryDetailSchema, DeliveryPageSchema, DeliveryQuery, DeliverySchema
from notifications.use_cases.deliveries import retry_delivery


class StaffDeliveryList(View):
    permission_classes = [has_role("support")]

    @extend_schema(parameters=[DeliveryQuery], responses=DeliveryPageSchema)
    def get(self, request: Request) -> Response:
        """What was told or owed to buyers, newest first; by state, template, address or order."""
        query = self.query(DeliveryQuery, request)
        chosen = {name: query[name] for name in ("state", "template", "recipient", "order_number") if name in query}
        render = lambda rows: DeliverySchema(rows, many=True).data  # noqa: E731
        rows = Delivery.objects.filter(**chosen)
        return Response(page(rows, order=("-created_at", "-id"), query=query, render=render))


class StaffDeliveryDetail(View):
    permission_classes = [has_role("support")]

    @extend_schema(responses=DeliveryDetailSchema)
    def get(self, request: Request, delivery_id: UUID) -> Response:
        """One delivery, whole."""
        delivery = Delivery.objects.filter(pk=delivery_id).first()
        if delivery is None:
            raise NotFound("There is no such delivery.")
        return Response(DeliveryDetailSchema(delivery).data)


class StaffDeliveryRetry(View):
    permission_classes = [has_role("support"), FreshLogin]

    @extend_schema(request=None, responses=DeliveryDetailSchema)
    @writes()
    def post(self, request: Request, delivery_id: UUID) -> Response:
        """Send a mail again that has failed, or that the buyer did not get; 409 `not_finished` for any other."""
        return Response(DeliveryDetailSchema(retry_delivery(delivery_id=delivery_id, now=timezone.now())).data)
