"""Who asks, in the terms of carts, quotes and orders."""

from __future__ import annotations

from rest_framework.request import Request

from orders.domain.owner import Owner, hashed


def cart_owner(request: Request) -> Owner:
    """The user, or the guest of the `Cart-Token`; a bearer token wins."""
    if request.user.is_authenticated:
        return Owner(user_id=request.user.id)
    token = request.headers.get("Cart-Token", "")
    return Owner(token_sha256=hashed(token)) if token else Owner()


def guest_of_cart(request: Request) -> Owner:
    """The guest of the `Cart-Token`, whoever is logged in."""
    token = request.headers.get("Cart-Token", "")
    return Owner(token_sha256=hashed(token)) if token else Owner()


def order_owner(request: Request) -> Owner:
    """The user, or the guest of the `Order-Token`."""
    if request.user.is_authenticated:
        return Owner(user_id=request.user.id)
    token = request.headers.get("Order-Token", "")
    return Owner(token_sha256=hashed(token)) if token else Owner()
