"""Carts over HTTP."""

from __future__ import annotations

from uuid import UUID

from chassis.views import View
from chassis.writes import writes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from orders.api.owners import cart_owner, guest_of_cart
from orders.domain.owner import Owner, hashed, new_token
from orders.models import Cart
from orders.serializers.carts import CartInput, CartItemInput, CartQuery, CartSchema, render_cart
from orders.use_cases import carts


def cart_response(cart: Cart, status: int = 200, currency: str | None = None) -> Response:
    headers = {"ETag": cart.etag, "Location": f"/api/v1/carts/{cart.id}"}
    return Response(render_cart(cart, currency), status=status, headers=headers)


class CartList(View):
    permission_classes = [AllowAny]

    @extend_schema(request=CartInput, responses={200: CartSchema, 201: CartSchema})
    @writes()
    def post(self, request: Request) -> Response:
        """Open a cart, or get the one that is open. A guest without a token gets a `Cart-Token`, once."""
        wanted = self.parse(CartInput, request)
        owner, token = cart_owner(request), None
        if owner.is_nobody:
            token = new_token()
            owner = Owner(token_sha256=hashed(token))
        cart, created = carts.open_cart(owner=owner, currency=wanted["currency"])
        response = cart_response(cart, 201 if created else 200)
        if token:
            response["Cart-Token"] = token
        return response


class CartDetail(View):
    permission_classes = [AllowAny]

    @extend_schema(parameters=[CartQuery], responses=CartSchema)
    def get(self, request: Request, cart_id: UUID) -> Response:
        """The cart with today's prices, in its currency or in another."""
        wanted = self.query(CartQuery, request)
        cart = carts.find_cart(cart_id=cart_id, owner=cart_owner(request))
        return cart_response(cart, currency=wanted.get("currency"))


class CartItemDetail(View):
    permission_classes = [AllowAny]

    @extend_schema(request=CartItemInput, responses=CartSchema)
    @writes("none", if_match=True)
    def put(self, request: Request, cart_id: UUID, sku: str) -> Response:
        """Set how many of a SKU the cart holds."""
        wanted = self.parse(CartItemInput, request)
        owner = cart_owner(request)
        return cart_response(
            carts.put_item(cart_id=cart_id, owner=owner, sku=sku, quantity=wanted["quantity"], request=request)
        )

    @extend_schema(responses=CartSchema)
    @writes("none", if_match=True)
    def delete(self, request: Request, cart_id: UUID, sku: str) -> Response:
        """Take a SKU out of the cart."""
        cart = carts.remove_item(cart_id=cart_id, owner=cart_owner(request), sku=sku, request=request)
        return cart_response(cart)


class CartClaim(View):
    permission_classes = [IsAuthenticated]

    @extend_schema(request=None, responses=CartSchema)
    @writes()
    def post(self, request: Request, cart_id: UUID) -> Response:
        """Take a guest's cart (its `Cart-Token` in the header) along after login."""
        user = Owner(user_id=request.user.id)
        return cart_response(carts.claim_cart(cart_id=cart_id, guest=guest_of_cart(request), user=user))
