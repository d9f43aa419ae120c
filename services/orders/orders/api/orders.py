"""Orders over HTTP, for those who placed them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chassis.pages import page
from chassis.problems import NotFound
from chassis.views import View
from chassis.writes import writes
from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from orders.api.owners import cart_owner, order_owner
from orders.domain.owner import order_token
from orders.models import Order, OrderLine
from orders.serializers.orders import (
    CancelInput,
    OrderInput,
    OrderPageSchema,
    OrderQuery,
    OrderSchema,
    TimelineSchema,
    render_order,
    render_summary,
)
from orders.serializers.refunds import ReturnInput, units_of
from orders.use_cases import orders, returns
from orders.use_cases.checkout import Buyer, place_order


def order_response(order: Order, status: int = 200, new_lines: list[OrderLine] | None = None) -> Response:
    body = render_order(order, new_lines)
    headers = {"ETag": f'"{order.version}"'}
    if body["next_action"]["type"] == "wait":
        headers["Retry-After"] = "1"
    return Response(body, status=status, headers=headers)


def find_order(request: Request, order_id: UUID) -> Order:
    """Raises NotFound for an order that is not the caller's."""
    owner = order_owner(request)
    mine = Order.objects.of(user_id=owner.user_id, token_sha256=owner.token_sha256)
    order = mine.to_show().filter(pk=order_id).first()
    if order is None:
        raise NotFound("There is no such order, or it is not yours.")
    return order


def _for_the_buyer(*, cause: str | None, detail: dict[str, Any], **shown: Any) -> dict[str, Any]:
    """Who did it, and what staff noted beside it, is for staff."""
    if (cause or "").startswith(("staff:", "operator:")):
        detail = {name: value for name, value in detail.items() if name != "comment"}
    return {**shown, "detail": detail}


class OrderList(View):
    def get_permissions(self) -> list:
        return [AllowAny() if self.request.method == "POST" else IsAuthenticated()]

    @extend_schema(request=OrderInput, responses={202: OrderSchema})
    def post(self, request: Request) -> Response:
        """Order a quote. A guest is answered with the `Order-Token` that opens the order and its payment."""
        response = self._place(request)
        if not request.user.is_authenticated:
            response["Order-Token"] = order_token(settings.ORDER_TOKEN_KEY, response.data["id"])
        return response

    @writes("required")
    def _place(self, request: Request) -> Response:
        given = self.parse(OrderInput, request)
        buyer = Buyer(
            email=given["contact"]["email"],
            name=given["contact"]["name"],
            locale=get_language() or "en",
            shipping_address=given["shipping_address"],
            billing_address=given.get("billing_address"),
            vat_id=given.get("vat_id", ""),
        )
        order, lines = place_order(
            quote_id=given["quote_id"],
            owner=cart_owner(request),
            buyer=buyer,
            cause=self.principal(request),
            now=timezone.now(),
        )
        response = order_response(order, 202, new_lines=lines)
        response["Location"] = f"/api/v1/orders/{order.id}"
        return response

    post.idempotency = "required"  # type: ignore[attr-defined]

    @extend_schema(parameters=[OrderQuery], responses=OrderPageSchema)
    def get(self, request: Request) -> Response:
        """The caller's orders, newest first."""
        query = self.query(OrderQuery, request)
        mine = Order.objects.filter(user_id=request.user.id)
        if "state" in query:
            mine = mine.filter(state=query["state"])
        render = lambda rows: [render_summary(order) for order in rows]  # noqa: E731
        return Response(page(mine, order=("-placed_at", "-id"), query=query, render=render))


class OrderDetail(View):
    permission_classes = [AllowAny]

    @extend_schema(responses=OrderSchema)
    def get(self, request: Request, order_id: UUID) -> Response:
        """The order with its lines, charges, refunds and shipments, and what the shopper does next."""
        return order_response(find_order(request, order_id))


class OrderTimeline(View):
    permission_classes = [AllowAny]

    @extend_schema(responses=TimelineSchema)
    def get(self, request: Request, order_id: UUID) -> Response:
        """What happened to the order, oldest first."""
        entries = find_order(request, order_id).timeline.values("at", "kind", "state", "detail", "cause")
        return Response({"data": [_for_the_buyer(**entry) for entry in entries[:500]]})


class OrderCancel(View):
    permission_classes = [AllowAny]

    @extend_schema(request=CancelInput, responses=OrderSchema)
    @writes()
    def post(self, request: Request, order_id: UUID) -> Response:
        """Cancel an order that has not shipped; money and stock go back by themselves."""
        given = self.parse(CancelInput, request)
        order = find_order(request, order_id)
        cancelled = orders.cancel_order(
            order=order, by="buyer", comment=given["reason"], cause=self.principal(request), now=timezone.now()
        )
        return order_response(cancelled)


class OrderReturns(View):
    permission_classes = [AllowAny]

    @extend_schema(request=ReturnInput, responses={201: OrderSchema})
    @writes("required")
    def post(self, request: Request, order_id: UUID) -> Response:
        """Ask to send shipped goods back; staff approve it, and once they have arrived their money goes back."""
        given = self.parse(ReturnInput, request)
        order = returns.request_return(
            order=find_order(request, order_id),
            units=units_of(given["lines"]),
            reason=given["reason"],
            cause=self.principal(request),
            now=timezone.now(),
        )
        return order_response(order, 201)
