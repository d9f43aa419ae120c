"""What goes back over HTTP, for staff: cancelled lines, refunds, returns."""

from __future__ import annotations

from uuid import UUID

from auth_jwt.permissions import FreshLogin, has_role
from chassis.pages import page
from chassis.views import View
from chassis.writes import writes
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders.api.orders import order_response
from orders.api.staff import SEES_ORDERS, SHIPS, SUPPORTS, by
from orders.domain.refunds import PARTS
from orders.models import Return
from orders.serializers.orders import OrderSchema
from orders.serializers.refunds import (
    LineCancellationInput,
    RefundInput,
    ReturnDecisionInput,
    ReturnReceiptInput,
    StaffReturnPageSchema,
    StaffReturnQuery,
    render_staff_return,
    units_of,
)
from orders.use_cases import fulfilment, refunds, returns

REFUNDS = has_role("finance")


class StaffLineCancellations(View):
    permission_classes = [SUPPORTS, FreshLogin]

    @extend_schema(request=LineCancellationInput, responses=OrderSchema)
    @writes(if_match=True)
    def post(self, request: Request, order_id: UUID) -> Response:
        """Give up what has not shipped of a partly shipped order, or some of it; its money goes back."""
        given = self.parse(LineCancellationInput, request)
        order = fulfilment.cancel_rest(
            order_id=order_id,
            units=units_of(given["lines"]) if "lines" in given else None,
            comment=given["reason"],
            cause=by(request),
            now=timezone.now(),
            request=request,
        )
        return order_response(order)


class StaffRefunds(View):
    permission_classes = [REFUNDS, FreshLogin]

    @extend_schema(request=RefundInput, responses={201: OrderSchema})
    @writes("required", if_match=True)
    def post(self, request: Request, order_id: UUID) -> Response:
        """Give money back: for units of lines, or an amount. Payments sends it; the order shows what became of it."""
        given = self.parse(RefundInput, request)
        order = refunds.refund_order(
            order_id=order_id,
            units=units_of(given.get("lines", [])),
            parts=given.get("parts", PARTS),
            amount=given.get("amount"),
            reason=given["reason"],
            comment=given["comment"],
            cause=by(request),
            now=timezone.now(),
            request=request,
        )
        return order_response(order, 201)


class StaffReturnList(View):
    permission_classes = [SEES_ORDERS]

    @extend_schema(parameters=[StaffReturnQuery], responses=StaffReturnPageSchema)
    def get(self, request: Request) -> Response:
        """Returns, newest first, by state: `requested` ones wait for a decision, `approved` ones for the parcel."""
        query = self.query(StaffReturnQuery, request)
        chosen = Return.objects.select_related("order")
        if "state" in query:
            chosen = chosen.filter(state=query["state"])
        render = lambda rows: [render_staff_return(returned) for returned in rows]  # noqa: E731
        return Response(page(chosen, order=("-requested_at", "-id"), query=query, render=render))


class StaffReturnApproval(View):
    permission_classes = [SUPPORTS, FreshLogin]

    @extend_schema(request=ReturnDecisionInput, responses=OrderSchema)
    @writes(if_match=True)
    def post(self, request: Request, return_id: UUID) -> Response:
        """Approve a return: the buyer may send the goods. If-Match is the order's ETag."""
        return self._decide(request, return_id, approve=True)

    def _decide(self, request: Request, return_id: UUID, *, approve: bool) -> Response:
        given = self.parse(ReturnDecisionInput, request)
        order = returns.decide_return(
            return_id=return_id,
            approve=approve,
            comment=given["comment"],
            cause=by(request),
            now=timezone.now(),
            request=request,
        )
        return order_response(order)


class StaffReturnRejection(StaffReturnApproval):
    @extend_schema(request=ReturnDecisionInput, responses=OrderSchema)
    @writes(if_match=True)
    def post(self, request: Request, return_id: UUID) -> Response:
        """Reject a return, saying why; its units may be asked for again. If-Match is the order's ETag."""
        return self._decide(request, return_id, approve=False)


class StaffReturnReceipt(View):
    permission_classes = [SHIPS, FreshLogin]

    @extend_schema(request=ReturnReceiptInput, responses=OrderSchema)
    @writes(if_match=True)
    def post(self, request: Request, return_id: UUID) -> Response:
        """Record what arrived of a return and what of it is fit for sale; the refund follows by itself."""
        given = self.parse(ReturnReceiptInput, request)
        order = returns.receive_return(
            return_id=return_id,
            received={line["line_id"]: (line["quantity"], line["restock_quantity"]) for line in given["lines"]},
            cause=by(request),
            now=timezone.now(),
            request=request,
        )
        return order_response(order)
