"""What a coupon takes off, and when it may. Pure; amounts are minor units of the cart's currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from .money import allocate, exponent, half_up


class NotApplicable(Exception):
    """The coupon gives nothing here; `code` is stable, the message says what would have to change."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class CouponTerms:
    """Either a percentage, or an amount in each currency it is for; `minimum` is the least subtotal by currency."""

    code: str
    percent: Decimal | None = None
    amounts: Mapping[str, int] = field(default_factory=dict)
    minimum: Mapping[str, int] = field(default_factory=dict)
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    active: bool = True


def refuse_if_not_valid(coupon: CouponTerms, *, now: datetime) -> None:
    """Raises NotApplicable before, after and outside of its validity."""
    if not coupon.active:
        raise NotApplicable("coupon_not_active", f"Coupon {coupon.code} is not offered any more.")
    if coupon.valid_from and now < coupon.valid_from:
        raise NotApplicable("coupon_not_valid_yet", f"Coupon {coupon.code} is valid from {coupon.valid_from:%Y-%m-%d}.")
    if coupon.valid_to and now >= coupon.valid_to:
        raise NotApplicable("coupon_expired", f"Coupon {coupon.code} was valid until {coupon.valid_to:%Y-%m-%d %H:%M}.")


def discounts(coupon: CouponTerms, values: Sequence[int], *, currency: str, now: datetime) -> list[int]:
    """What comes off each line, in the way its price is listed: shared by line value, by largest remainder.

    Never more than the subtotal. Raises NotApplicable, also below the minimum and in a currency it is not for.
    """
    refuse_if_not_valid(coupon, now=now)
    subtotal = sum(values)
    if coupon.minimum and currency not in coupon.minimum:
        raise _other_currency(coupon, coupon.minimum)
    if subtotal < (least := coupon.minimum.get(currency, 0)):
        detail = (
            f"Coupon {coupon.code} needs goods for {_words(least, currency)}; these are {_words(subtotal, currency)}."
        )
        raise NotApplicable("coupon_minimum_not_reached", detail)
    if coupon.percent is None and currency not in coupon.amounts:
        raise _other_currency(coupon, coupon.amounts)
    percent = coupon.percent
    off = half_up(subtotal * percent / 100) if percent is not None else coupon.amounts[currency]
    return allocate(min(off, subtotal), values)


def label(coupon: CouponTerms, currency: str) -> str:
    """What the buyer reads beside the discount."""
    if coupon.percent is not None:
        return f"Coupon {coupon.code}: {coupon.percent.normalize():f}% off"
    return f"Coupon {coupon.code}: share of {_words(coupon.amounts[currency], currency)}, by value"


def _words(minor: int, currency: str) -> str:
    return f"{Decimal(minor).scaleb(-exponent(currency)):f} {currency}"


def _other_currency(coupon: CouponTerms, served: Mapping[str, int]) -> NotApplicable:
    currencies = ", ".join(sorted(served))
    return NotApplicable("coupon_other_currency", f"Coupon {coupon.code} is for carts in: {currencies}.")
