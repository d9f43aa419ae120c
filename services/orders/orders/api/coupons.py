"""Coupons over HTTP: in a cart, and for staff."""

from __future__ import annotations

from uuid import UUID

from auth_jwt.permissions import FreshLogin, has_role
from chassis.pages import page
from chassis.views import View
from chassis.writes import writes
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from orders.api.carts import cart_response
from orders.api.owners import cart_owner
from orders.models import Coupon
from orders.serializers.carts import CartSchema
from orders.serializers.coupons import (
    CouponChange,
    CouponCodeInput,
    CouponInput,
    CouponPageSchema,
    CouponQuery,
    CouponSchema,
    refuse_what_does_not_fit,
    render_coupon,
)
from orders.use_cases import coupons

SEES_COUPONS = has_role("finance", "support")
MAKES_COUPONS = has_role("finance")


class CartCoupon(View):
    permission_classes = [AllowAny]

    @extend_schema(request=CouponCodeInput, responses=CartSchema)
    @writes("none", if_match=True)
    def put(self, request: Request, cart_id: UUID) -> Response:
        """Put a coupon into the cart; the quote says what it takes off."""
        code = self.parse(CouponCodeInput, request)["code"]
        owner, now = cart_owner(request), timezone.now()
        return cart_response(coupons.put_coupon(cart_id=cart_id, owner=owner, code=code, now=now, request=request))

    @extend_schema(responses=CartSchema)
    @writes("none", if_match=True)
    def delete(self, request: Request, cart_id: UUID) -> Response:
        """Take the coupon out of the cart."""
        return cart_response(coupons.remove_coupon(cart_id=cart_id, owner=cart_owner(request), request=request))


def coupon_response(coupon: Coupon, status: int = 200) -> Response:
    headers = {"ETag": coupon.etag, "Location": f"/api/v1/staff/coupons/{coupon.code}"}
    return Response(render_coupon(coupon), status=status, headers=headers)


class ForFinance(View):
    """Support may look, finance may change."""

    def get_permissions(self) -> list:
        return [SEES_COUPONS()] if self.request.method == "GET" else [MAKES_COUPONS(), FreshLogin()]


class StaffCouponList(ForFinance):
    @extend_schema(parameters=[CouponQuery], responses=CouponPageSchema)
    def get(self, request: Request) -> Response:
        """All coupons by code, with how often each was used."""
        query = self.query(CouponQuery, request)
        chosen = Coupon.objects.all() if query["active"] is None else Coupon.objects.filter(active=query["active"])
        render = lambda rows: [render_coupon(coupon) for coupon in rows]  # noqa: E731
        return Response(page(chosen, order=("code",), query=query, render=render))

    @extend_schema(request=CouponInput, responses={201: CouponSchema})
    @writes()
    def post(self, request: Request) -> Response:
        """Make a coupon: a percentage, or an amount in each currency."""
        return coupon_response(coupons.create_coupon(given=self.parse(CouponInput, request)), 201)


class StaffCouponDetail(ForFinance):
    @extend_schema(responses=CouponSchema)
    def get(self, request: Request, code: str) -> Response:
        """A coupon, and how often it was used."""
        return coupon_response(coupons.find_coupon(code))

    @extend_schema(request=CouponChange, responses=CouponSchema)
    @writes("none", if_match=True)
    def patch(self, request: Request, code: str) -> Response:
        """Change a coupon; quotes that were given keep what they promised."""
        changes = self.parse(CouponChange, request)
        check = refuse_what_does_not_fit
        return coupon_response(coupons.change_coupon(code=code, changes=changes, check=check, request=request))

    @extend_schema(responses={204: None})
    @writes("none", if_match=True)
    def delete(self, request: Request, code: str) -> Response:
        """Delete a coupon that no order has used."""
        coupons.delete_coupon(code=code, request=request)
        return Response(status=204)
