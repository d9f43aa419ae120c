"""Merchants' webhooks, for staff who may administer the shop."""

from __future__ import annotations

from uuid import UUID

from auth_jwt.permissions import FreshLogin, has_role
from chassis.pages import PageQuery, page
from chassis.problems import NotFound
from chassis.views import View
from chassis.writes import writes
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from notifications.models import WebhookDelivery, WebhookEndpoint
from notifications.serializers.webhooks import (
    EndpointChange,
    EndpointInput,
    EndpointPageSchema,
    EndpointSchema,
    EndpointWithSecretSchema,
    WebhookDeliveryDetailSchema,
    WebhookDeliveryPageSchema,
    WebhookDeliveryQuery,
    WebhookDeliverySchema,
)
from notifications.use_cases import endpoints, webhooks

ADMINISTERS = [has_role("admin"), FreshLogin]


def endpoint_response(endpoint: WebhookEndpoint, status: int = 200, *, with_secret: bool = False) -> Response:
    schema = EndpointWithSecretSchema if with_secret else EndpointSchema
    return Response(schema(endpoint).data, status=status, headers={"ETag": f'"{endpoint.version}"'})


class EndpointList(View):
    permission_classes = ADMINISTERS

    @extend_schema(parameters=[PageQuery], responses=EndpointPageSchema)
    def get(self, request: Request) -> Response:
        """The endpoints, newest first; secrets are not shown."""
        query = self.query(PageQuery, request)
        render = lambda rows: EndpointSchema(rows, many=True).data  # noqa: E731
        return Response(page(WebhookEndpoint.objects.all(), order=("-created_at", "-id"), query=query, render=render))

    @extend_schema(request=EndpointInput, responses={201: EndpointWithSecretSchema})
    @writes("none")
    def post(self, request: Request) -> Response:
        """Tell a merchant's system from now on. The answer alone has the secret that messages are signed with."""
        given = self.parse(EndpointInput, request)
        endpoint = endpoints.add_endpoint(
            url=given["url"], description=given.get("description", ""), events=given.get("events", [])
        )
        return endpoint_response(endpoint, 201, with_secret=True)


class EndpointDetail(View):
    permission_classes = ADMINISTERS

    @extend_schema(responses=EndpointSchema)
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """One endpoint and how it is doing."""
        return endpoint_response(endpoints.find_endpoint(endpoint_id))

    @extend_schema(request=EndpointChange, responses=EndpointSchema)
    @writes("none", if_match=True)
    def patch(self, request: Request, endpoint_id: UUID) -> Response:
        """Change its address or events, or turn it on or off; what is owed to it goes to the new address."""
        changes = self.parse(EndpointChange, request)
        return endpoint_response(endpoints.change_endpoint(endpoint_id=endpoint_id, changes=changes, request=request))

    @extend_schema(responses={204: None})
    @writes("none", if_match=True)
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        """Remove it with what is owed to it and its log."""
        endpoints.remove_endpoint(endpoint_id=endpoint_id, request=request)
        return Response(status=204)


class EndpointSecret(View):
    permission_classes = ADMINISTERS

    @extend_schema(request=None, responses=EndpointWithSecretSchema)
    @writes("none", if_match=True)
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Make a new secret. For a day messages carry a signature by the one before, too."""
        endpoint = endpoints.rotate_secret(endpoint_id=endpoint_id, request=request, now=timezone.now())
        return endpoint_response(endpoint, with_secret=True)


class EndpointTest(View):
    permission_classes = ADMINISTERS

    @extend_schema(request=None, responses={202: WebhookDeliverySchema})
    @writes()
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Post a message `webhook.test` there; the delivery shows what came of it."""
        endpoint = endpoints.find_endpoint(endpoint_id)
        delivery = webhooks.owe_test(endpoint=endpoint, now=timezone.now())
        headers = {"Location": f"/api/v1/staff/webhook-deliveries/{delivery.pk}"}
        return Response(WebhookDeliverySchema(delivery).data, status=202, headers=headers)


class DeliveryList(View):
    permission_classes = ADMINISTERS

    @extend_schema(parameters=[WebhookDeliveryQuery], responses=WebhookDeliveryPageSchema)
    def get(self, request: Request) -> Response:
        """What was told or owed to merchants' systems, newest first; by endpoint, state or event."""
        query = self.query(WebhookDeliveryQuery, request)
        chosen = {name: query[name] for name in ("endpoint_id", "state", "event") if name in query}
        render = lambda rows: WebhookDeliverySchema(rows, many=True).data  # noqa: E731
        rows = WebhookDelivery.objects.filter(**chosen)
        return Response(page(rows, order=("-created_at", "-id"), query=query, render=render))


class DeliveryDetail(View):
    permission_classes = ADMINISTERS

    @extend_schema(responses=WebhookDeliveryDetailSchema)
    def get(self, request: Request, delivery_id: UUID) -> Response:
        """One message with what it says and every attempt."""
        delivery = WebhookDelivery.objects.filter(pk=delivery_id).prefetch_related("log").first()
        if delivery is None:
            raise NotFound("There is no such delivery.")
        return Response(WebhookDeliveryDetailSchema(delivery).data)


class DeliveryRetry(View):
    permission_classes = ADMINISTERS

    @extend_schema(request=None, responses=WebhookDeliveryDetailSchema)
    @writes()
    def post(self, request: Request, delivery_id: UUID) -> Response:
        """Post it again, with all its attempts; 409 `not_finished` while it is on its way."""
        delivery = webhooks.retry_webhook(delivery_id=delivery_id, now=timezone.now())
        return Response(WebhookDeliveryDetailSchema(delivery).data)
