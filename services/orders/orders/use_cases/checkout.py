"""A quote becomes an order."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.problems import Conflict, NotFound
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from outbox.publishing import publish
from uuid_utils.compat import uuid7

from orders.domain import lifecycle
from orders.domain.owner import Owner, hashed, order_token
from orders.models import Cart, Order, OrderLine, Quote, SellableItem, TimelineEntry
from orders.use_cases import coupons

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class Buyer:
    """What checkout asks of a person; addresses are as they were given."""

    email: str
    name: str
    locale: str
    shipping_address: dict[str, Any]
    billing_address: dict[str, Any] | None = None
    vat_id: str = ""


def place_order(
    *, quote_id: UUID, owner: Owner, buyer: Buyer, cause: str, now: datetime
) -> tuple[Order, list[OrderLine]]:
    """Order a quote; answers with the order and its lines. These, the first timeline entry, the coupon's use and
    `order.placed` commit together.

    Raises NotFound, and Conflict: `quote_ordered`, `quote_expired`, `quote_mismatch` (address), `quote_cart_changed`,
    `item_unavailable` (no longer sold, or not to this country), `coupon_used_up`, `coupon_not_active`.
    """
    with transaction.atomic(savepoint=False):
        quote = _usable_quote(quote_id, owner, buyer, now)
        order = _order(quote, owner, buyer, now)
        order.save(force_insert=True)
        lines = [_line(order, line) for line in quote.lines]
        OrderLine.objects.bulk_create(lines)
        TimelineEntry.objects.create(order=order, at=now, kind="placed", state=order.state, cause=cause)
        if quote.cart_id:
            Cart.objects.filter(pk=quote.cart_id).update(open_owner=None, updated_at=timezone.now())
        if order.coupon_code:
            coupons.use(order, now=now)  # last: the coupon's row is locked for the shortest time
        publish(placed(order, quote))
    return order, lines


def _usable_quote(quote_id: UUID, owner: Owner, buyer: Buyer, now: datetime) -> Quote:
    quote = None
    if not owner.is_nobody:
        whole = Quote.objects.select_for_update().select_related("cart", "order")
        quote = whole.filter(pk=quote_id, **owner.fields()).first()
    if quote is None:
        raise NotFound("There is no such quote, or it is not yours.")
    if hasattr(quote, "order"):
        raise Conflict("quote_ordered", "This quote was ordered already.", order_id=str(quote.order.id))
    if quote.expires_at <= now:
        raise Conflict("quote_expired", "This quote has expired. Ask for a new one.")
    for part in ("country", "region", "postal_code"):
        if _folded(quote.ship_to.get(part)) != _folded(buyer.shipping_address.get(part)):
            raise Conflict(
                "quote_mismatch", f"The address has another {part} than the quote. Ask for a quote to this address."
            )
    cart = quote.cart
    if cart is not None and (cart.version != quote.cart_version or not cart.is_open):
        raise Conflict("quote_cart_changed", "The cart has changed since this quote. Ask for a new one.")
    _refuse_what_is_no_longer_sold(quote)
    return quote


def _folded(value: Any) -> str:
    return str(value or "").replace(" ", "").casefold()


def _refuse_what_is_no_longer_sold(quote: Quote) -> None:
    known = SellableItem.objects.only("active", "restrictions")
    items = known.in_bulk([line["sku"] for line in quote.lines])
    for line in quote.lines:
        item = items.get(line["sku"])
        reason = (
            "It is no longer sold." if item is None or not item.active else item.restriction(quote.ship_to["country"])
        )
        if reason:
            raise Conflict("item_unavailable", f"{line['sku']}: {reason} Change the cart and ask for a new quote.")


def _order(quote: Quote, owner: Owner, buyer: Buyer, now: datetime) -> Order:
    order_id = uuid7()
    guest = None if owner.user_id else hashed(order_token(settings.ORDER_TOKEN_KEY, order_id))
    return Order(
        id=order_id,
        number=new_number(),
        user_id=owner.user_id,
        guest_token_sha256=guest,
        quote=quote,
        cart_id=quote.cart_id,
        state=lifecycle.State.PENDING_STOCK.value,
        currency=quote.currency,
        total_minor=quote.total_minor,
        charges=quote.charges,
        contact={"email": buyer.email, "name": buyer.name, "locale": buyer.locale},
        shipping_address=buyer.shipping_address,
        billing_address=buyer.billing_address,
        vat_id=buyer.vat_id,
        email=buyer.email.casefold(),
        coupon_code=quote.coupon_code,
        state_since=now,
        placed_at=now,
        expires_at=now + timedelta(minutes=settings.ORDER_EXPIRATION_MINUTES),
    )


def _line(order: Order, line: dict[str, Any]) -> OrderLine:
    amounts = {name: line[name] for name in ("goods_minor", "freight_minor", "duty_minor", "tax_minor")}
    names = {name: line[name] for name in ("line_id", "sku", "title", "quantity", "unit_price_minor", "warehouse")}
    return OrderLine(order=order, **names, **amounts, discount_minor=line.get("discount_minor", 0))


def placed(order: Order, quote: Quote, *, repeat: int = 0) -> lifecycle.DomainEvent:
    """What an order says first, and again (`repeat` 1..3) when nobody answers."""

    def money(amount: int) -> dict[str, Any]:
        return {"amount_minor": amount, "currency": order.currency}

    lines = [
        {
            **{name: line[name] for name in ("line_id", "sku", "title", "quantity", "warehouse")},
            "unit_price": money(line["unit_price_minor"]),
        }
        for line in quote.lines
    ]
    charges = [
        {"kind": charge["kind"], "amount": money(charge["amount_minor"]), "collect": charge["collect"]}
        for charge in quote.charges
    ]
    country = quote.ship_to["country"]
    return lifecycle.placed(
        order.facts(), contact=order.contact, ship_to=country, lines=lines, charges=charges, repeat=repeat
    )


def new_number() -> str:
    """`CB-` and ten random Crockford base32 characters: 50 bits, so that nobody guesses a neighbour's."""
    return "CB-" + "".join(secrets.choice(CROCKFORD) for _ in range(10))
