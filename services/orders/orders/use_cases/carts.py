"""Filling a cart, and taking a guest's cart along at login."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chassis.problems import Conflict, NotFound, Problem
from chassis.views import require_match
from django.db import transaction
from django.db.models import Count, F, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from rest_framework.request import Request

from orders.domain.owner import Owner
from orders.models import Cart, CartItem, Quote, SellableItem

MAX_LINES = 100
MAX_QUANTITY = 999


def open_cart(*, owner: Owner, currency: str) -> tuple[Cart, bool]:
    """The owner's open cart, and whether it is new."""
    cart = Cart.objects.filter(open_owner=owner.key).first()
    if cart is not None:
        return cart, False
    mine = Cart(**owner.fields(), open_owner=owner.key, currency=currency)
    Cart.objects.bulk_create([mine], ignore_conflicts=True)  # a twin may be faster: the unique open_owner decides
    cart = Cart.objects.get(open_owner=owner.key)
    return cart, cart.pk == mine.pk


def find_cart(*, cart_id: UUID, owner: Owner) -> Cart:
    """Raises NotFound for a cart that is not the owner's."""
    cart = None if owner.is_nobody else Cart.objects.filter(pk=cart_id, **owner.fields()).first()
    if cart is None:
        raise NotFound("There is no such cart, or it is not yours.")
    return cart


def put_item(*, cart_id: UUID, owner: Owner, sku: str, quantity: int, request: Request) -> Cart:
    """Set how many of a SKU the cart holds.

    Raises NotFound, Problem `unknown_sku`, Conflict `cart_closed` or `cart_full`, and what If-Match asks for.
    """
    with transaction.atomic(savepoint=False):
        cart = locked(cart_id, owner, request, besides=sku)
        if cart.other_items >= MAX_LINES:
            raise Conflict("cart_full", f"A cart holds at most {MAX_LINES} different items.")
        item = SellableItem.objects.filter(pk=sku, active=True).first()
        if item is None:
            raise Problem("unknown_sku", f"We do not sell {sku!r}.")
        CartItem.objects.bulk_create(
            [CartItem(cart=cart, sku=sku, quantity=quantity)],
            update_conflicts=True,
            update_fields=["quantity"],
        )
        changed(cart)
    return cart


def remove_item(*, cart_id: UUID, owner: Owner, sku: str, request: Request) -> Cart:
    """Take a SKU out; raises NotFound when it is not in the cart."""
    with transaction.atomic(savepoint=False):
        cart = locked(cart_id, owner, request)
        if not CartItem.objects.filter(cart=cart, sku=sku).delete()[0]:
            raise NotFound(f"{sku!r} is not in this cart.")
        changed(cart)
    return cart


def claim_cart(*, cart_id: UUID, guest: Owner, user: Owner) -> Cart:
    """A guest logged in: their cart becomes the user's, or is poured into the one that the user has open.

    Quantities of the same SKU add up to at most MAX_QUANTITY. Claiming again answers with the user's cart.
    """
    with transaction.atomic(savepoint=False):
        carts = list(Cart.objects.select_for_update().filter(pk=cart_id) | Cart.objects.filter(open_owner=user.key))
        mine = next((cart for cart in carts if cart.open_owner == user.key), None)
        theirs = next((cart for cart in carts if cart.pk == cart_id), None)
        if theirs is not None and theirs.user_id == user.user_id:
            return theirs
        if theirs is None or guest.is_nobody or theirs.token_sha256 != guest.token_sha256:
            raise NotFound("There is no such cart, or its Cart-Token is not this one.")
        if not theirs.is_open:
            raise Conflict("cart_closed", "This cart was ordered already.")
        if mine is None:
            theirs.user_id, theirs.token_sha256, theirs.open_owner = user.user_id, None, user.key
            theirs.version += 1
            theirs.save()
            return theirs
        _pour(theirs, into=mine)
        return mine


def _pour(guest_cart: Cart, *, into: Cart) -> None:
    """Quantities add up; what goes beyond a full cart stays behind."""
    poured = {item.sku: item.quantity for item in into.items.order_by("pk")}
    for item in guest_cart.items.order_by("pk"):
        if item.sku in poured or len(poured) < MAX_LINES:
            poured[item.sku] = min(MAX_QUANTITY, poured.get(item.sku, 0) + item.quantity)
    rows = [CartItem(cart=into, sku=sku, quantity=quantity) for sku, quantity in poured.items()]
    CartItem.objects.bulk_create(rows, update_conflicts=True, update_fields=["quantity"])
    guest_cart.open_owner = None
    guest_cart.save(update_fields=["open_owner", "updated_at"])
    changed(into, coupon_code=into.coupon_code or guest_cart.coupon_code)


def locked(cart_id: UUID, owner: Owner, request: Request, besides: str = "") -> Any:
    """The owner's open cart under its lock, with `other_items`: how many items it holds besides this SKU."""
    cart = None
    if not owner.is_nobody:
        others = CartItem.objects.filter(cart=OuterRef("pk")).exclude(sku=besides).values("cart")
        counted = Cart.objects.annotate(other_items=Coalesce(Subquery(others.annotate(n=Count("pk")).values("n")), 0))
        cart = counted.select_for_update().filter(pk=cart_id, **owner.fields()).first()
    if cart is None:
        raise NotFound("There is no such cart, or it is not yours.")
    if not cart.is_open:
        raise Conflict("cart_closed", "This cart was ordered already. Open a new one.")
    require_match(request, cart.etag)
    return cart


def changed(cart: Cart, **fields: Any) -> None:
    """Count a change of the cart, and write these fields with it."""
    Cart.objects.filter(pk=cart.pk).update(version=F("version") + 1, updated_at=timezone.now(), **fields)
    cart.version += 1
    for name, value in fields.items():
        setattr(cart, name, value)


def forget_carts(*, user_id: UUID) -> None:
    """An account was erased: its carts and quotes go. Orders stay as long as the law wants invoices kept."""
    with transaction.atomic(savepoint=False):
        Quote.objects.filter(user_id=user_id, order__isnull=True).delete()
        Cart.objects.filter(user_id=user_id, orders__isnull=True).delete()
