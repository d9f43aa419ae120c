"""Coupons: put into a cart, counted when an order is placed, given back when it closes unfulfilled."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.problems import Conflict, NotFound, Problem, Unprocessable
from chassis.views import require_match
from django.db import connection, transaction
from django.db.models import F, Q
from rest_framework.request import Request

from orders.domain import coupons as rules
from orders.domain.coupons import NotApplicable
from orders.domain.owner import Owner
from orders.models import Cart, Coupon, CouponUse, Order
from orders.use_cases import carts

USE = """
    INSERT INTO orders_couponuse (order_id, coupon_id, customer, used_at)
    SELECT %(order)s, c.code, %(customer)s, %(now)s FROM orders_coupon c
    WHERE c.code = %(code)s AND (c.limit_per_customer IS NULL OR c.limit_per_customer > (
        SELECT COUNT(*) FROM orders_couponuse u
        WHERE u.coupon_id = c.code AND u.customer = %(customer)s AND u.given_back_at IS NULL))"""
GIVE_BACK = """
    UPDATE orders_couponuse u JOIN orders_coupon c ON c.code = u.coupon_id
    SET u.given_back_at = %(now)s, c.uses = c.uses - 1
    WHERE u.order_id = %(order)s AND u.given_back_at IS NULL"""


def put_coupon(*, cart_id: UUID, owner: Owner, code: str, now: datetime, request: Request) -> Cart:
    """Put a coupon into the cart, in the place of one that is there; what it takes off, the quote says.

    Raises Problem `unknown_coupon` and, before or after its time, those of `domain.coupons`; what carts raise.
    """
    with transaction.atomic(savepoint=False):
        cart = carts.locked(cart_id, owner, request)
        coupon = Coupon.objects.filter(pk=code).first()
        if coupon is None:
            raise Problem("unknown_coupon", f"There is no coupon {code!r}.")
        try:
            rules.refuse_if_not_valid(coupon.terms(), now=now)
        except NotApplicable as refusal:
            raise Problem(refusal.code, str(refusal)) from refusal
        carts.changed(cart, coupon_code=code)
    return cart


def remove_coupon(*, cart_id: UUID, owner: Owner, request: Request) -> Cart:
    """Take the coupon out; raises NotFound when there is none."""
    with transaction.atomic(savepoint=False):
        cart = carts.locked(cart_id, owner, request)
        if cart.coupon_code is None:
            raise NotFound("There is no coupon in this cart.")
        carts.changed(cart, coupon_code=None)
    return cart


def discounts(*, code: str, values: list[int], currency: str, now: datetime) -> tuple[list[int], str]:
    """What the coupon takes off each line, and its label. Raises Unprocessable when it takes nothing off, and why."""
    coupon = Coupon.objects.filter(pk=code).first()
    advice = "Take it out of the cart, or change the cart."
    try:
        if coupon is None:
            raise NotApplicable("unknown_coupon", f"There is no coupon {code!r} any more.")
        if coupon.used_up:
            raise NotApplicable("coupon_used_up", f"Coupon {code} is used up.")
        off = rules.discounts(coupon.terms(), values, currency=currency, now=now)
    except NotApplicable as refusal:
        raise Unprocessable(refusal.code, f"{refusal} {advice}", coupon=code) from refusal
    return off, rules.label(coupon.terms(), currency)


def use(order: Order, *, now: datetime) -> None:
    """Count one use of the order's coupon, in all and by its customer, in the transaction that places the order.

    A compare-and-swap decides about the whole; it leaves the coupon's row locked, so that nobody counts between the
    customer's uses and this one. Raises Conflict that names the coupon at a limit, or when it is not offered any more.
    """
    code, customer = str(order.coupon_code), customer_of(order)
    offered = Coupon.objects.filter(pk=code, active=True).filter(Q(valid_to=None) | Q(valid_to__gt=now))
    left = offered.filter(Q(limit_total=None) | Q(uses__lt=F("limit_total")))
    if not left.update(uses=F("uses") + 1):
        used_up = offered.exists()
        word = "is used up" if used_up else "is not offered any more"
        raise Conflict(
            "coupon_used_up" if used_up else "coupon_not_active",
            f"Coupon {code} {word}. Take it out of the cart and ask for a new quote.",
            coupon=code,
        )
    if not _execute(USE, order=_key(order), customer=customer, now=now, code=code):
        detail = f"You have used coupon {code} as often as one customer may. Take it out and ask for a new quote."
        raise Conflict("coupon_used_up", detail, coupon=code)


def give_back(order: Order, *, now: datetime) -> None:
    """The order closed unfulfilled: its use counts no longer. Once, however often it is asked; one statement."""
    if order.coupon_code:
        _execute(GIVE_BACK, order=_key(order), now=now)


def customer_of(order: Order) -> str:
    """Who uses a coupon: the user, or the guest by the SHA-256 of their casefolded e-mail."""
    if order.user_id:
        return f"user:{order.user_id}"
    return f"guest:{hashlib.sha256(str(order.email).encode()).hexdigest()}"


def create_coupon(*, given: dict[str, Any]) -> Coupon:
    """Raises Conflict `coupon_exists`."""
    with transaction.atomic(savepoint=False):
        coupon = Coupon(**given)
        if not Coupon.objects.filter(pk=coupon.code).exists():
            coupon.save(force_insert=True)
            return coupon
    raise Conflict("coupon_exists", f"There is a coupon {coupon.code} already.")


def change_coupon(*, code: str, changes: dict[str, Any], check: Any, request: Request) -> Coupon:
    """Change some fields; quotes that were given keep what they promised. `check` refuses what does not fit together.

    Raises NotFound, and what If-Match asks for.
    """
    with transaction.atomic(savepoint=False):
        coupon = _locked(code, request)
        for name, value in changes.items():
            setattr(coupon, name, value)
        check(coupon)
        coupon.version += 1
        coupon.save(update_fields=[*changes, "version"])
    return coupon


def delete_coupon(*, code: str, request: Request) -> None:
    """Raises NotFound, Conflict `coupon_in_use` for one that an order has used: make that inactive instead."""
    with transaction.atomic(savepoint=False):
        coupon = _locked(code, request)
        if CouponUse.objects.filter(coupon=coupon).exists():
            raise Conflict("coupon_in_use", f"Orders have used coupon {code}; set it inactive instead.")
        coupon.delete()


def find_coupon(code: str) -> Coupon:
    """Raises NotFound."""
    coupon = Coupon.objects.filter(pk=code).first()
    if coupon is None:
        raise NotFound("There is no such coupon.")
    return coupon


def _locked(code: str, request: Request) -> Coupon:
    coupon = Coupon.objects.select_for_update().filter(pk=code).first()
    if coupon is None:
        raise NotFound("There is no such coupon.")
    require_match(request, coupon.etag)
    return coupon


def _execute(statement: str, **values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


def _key(order: Order) -> Any:
    return Order._meta.pk.get_db_prep_value(order.pk, connection)
