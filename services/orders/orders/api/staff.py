"""Orders over HTTP, for staff."""

from __future__ import annotations

from uuid import UUID

from auth_jwt.permissions import FreshLogin, has_role
from chassis.pages import page
from chassis.problems import NotFound
from chassis.views import View
from chassis.writes import writes
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders.api.orders import order_response
from orders.models import Order, Refund, Return
from orders.serializers.orders import (
    CancelInput,
    OrderPageSchema,
    OrderSchema,
    ShipmentInput,
    StaffOrderQuery,
    StaffTimelineSchema,
    render_summary,
)
from orders.serializers.refunds import units_of
from orders.use_cases import fulfilment, orders

SEES_ORDERS = has_role("support", "fulfilment", "finance")
SHIPS = has_role("fulfilment")
SUPPORTS = has_role("support")


def by(request: Request) -> str:
    """The cause that the timeline names."""
    return f"staff:{request.user.id}"


def find(order_id: UUID) -> Order:
    order = Order.objects.to_show().filter(pk=order_id).first()
    if order is None:
        raise NotFound("There is no such order.")
    return order


class StaffOrderList(View):
    permission_classes = [SEES_ORDERS]

    @extend_schema(parameters=[StaffOrderQuery], responses=OrderPageSchema)
    def get(self, request: Request) -> Response:
        """All orders, newest first: by state, number, e-mail or time; those to ship, held, with a return to decide or a
        refund that failed."""
        query = self.query(StaffOrderQuery, request)
        render = lambda rows: [render_summary(order) for order in rows]  # noqa: E731
        return Response(page(self._chosen(query), order=("-placed_at", "-id"), query=query, render=render))

    def _chosen(self, query: dict) -> QuerySet[Order]:
        chosen = Order.objects.all()
        for name in ("state", "number"):
            if name in query:
                chosen = chosen.filter(**{name: query[name]})
        if query["to_ship"]:
            chosen = chosen.filter(state__in=["paid", "partially_shipped"], hold_reasons=[])
        if query["held"]:
            chosen = chosen.exclude(hold_reasons=[])
        if query["refund_failed"]:
            chosen = chosen.filter(Exists(Refund.objects.filter(order=OuterRef("pk"), state="failed")))
        if query["return_requested"]:
            chosen = chosen.filter(Exists(Return.objects.filter(order=OuterRef("pk"), state="requested")))
        if "email" in query:
            chosen = chosen.filter(email=query["email"].casefold())
        if "placed_from" in query:
            chosen = chosen.filter(placed_at__gte=query["placed_from"])
        if "placed_to" in query:
            chosen = chosen.filter(placed_at__lt=query["placed_to"])
        return chosen


class StaffOrderDetail(View):
    permission_classes = [SEES_ORDERS]

    @extend_schema(responses=OrderSchema)
    def get(self, request: Request, order_id: UUID) -> Response:
        """Any order, whole."""
        return order_response(find(order_id))


class StaffOrderTimeline(View):
    permission_classes = [SEES_ORDERS]

    @extend_schema(responses=StaffTimelineSchema)
    def get(self, request: Request, order_id: UUID) -> Response:
        """What happened to any order, and which event or person caused it."""
        entries = find(order_id).timeline.values("at", "kind", "state", "detail", "cause")
        return Response({"data": list(entries[:500])})


class StaffOrderCancel(View):
    permission_classes = [SUPPORTS, FreshLogin]

    @extend_schema(request=CancelInput, responses=OrderSchema)
    @writes(if_match=True)
    def post(self, request: Request, order_id: UUID) -> Response:
        """Cancel an order that has not shipped."""
        given = self.parse(CancelInput, request)
        cancelled = orders.cancel_order(
            order=find(order_id),
            by="staff",
            comment=given["reason"],
            cause=by(request),
            now=timezone.now(),
            request=request,
        )
        return order_response(cancelled)


class StaffHold(View):
    permission_classes = [SUPPORTS, FreshLogin]

    @extend_schema(request=None, responses=OrderSchema)
    @writes(if_match=True)
    def post(self, request: Request, order_id: UUID, reason: str) -> Response:
        """Keep an order from shipping, for this reason."""
        return self._set(request, order_id, reason, on=True)

    @extend_schema(responses={200: OrderSchema})
    @writes("none", if_match=True)
    def delete(self, request: Request, order_id: UUID, reason: str) -> Response:
        """Lift a hold."""
        return self._set(request, order_id, reason, on=False)

    def _set(self, request: Request, order_id: UUID, reason: str, *, on: bool) -> Response:
        order = fulfilment.set_hold(
            order_id=order_id, reason=reason, on=on, cause=by(request), now=timezone.now(), request=request
        )
        return order_response(order)


class StaffShipments(View):
    permission_classes = [SHIPS, FreshLogin]

    @extend_schema(request=ShipmentInput, responses={201: OrderSchema})
    @writes(if_match=True)
    def post(self, request: Request, order_id: UUID) -> Response:
        """Record that lines of a paid order left the warehouse."""
        given = self.parse(ShipmentInput, request)
        order = fulfilment.ship_lines(
            order_id=order_id,
            quantities=units_of(given["lines"]),
            carrier=given["carrier"],
            tracking_number=given["tracking_number"],
            cause=by(request),
            now=timezone.now(),
            request=request,
        )
        return order_response(order, 201)


class StaffDelivery(View):
    permission_classes = [SHIPS, FreshLogin]

    @extend_schema(request=None, responses=OrderSchema)
    @writes()
    def post(self, request: Request, shipment_id: UUID) -> Response:
        """Record that a shipment arrived."""
        now = timezone.now()
        return order_response(fulfilment.deliver_shipment(shipment_id=shipment_id, cause=by(request), now=now))
