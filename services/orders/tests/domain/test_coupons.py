"""What a coupon takes off, pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders.domain.coupons import CouponTerms, NotApplicable, discounts, label

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TENTH = CouponTerms("TENTH", percent=Decimal("10.0000"))
FIVER = CouponTerms("FIVER", amounts={"EUR": 500, "JPY": 800}, minimum={"EUR": 2000, "JPY": 3000})


def test_a_percentage_is_of_the_whole_and_shared_out_exactly():
    assert discounts(TENTH, [333, 333, 333], currency="EUR", now=NOW) == [34, 33, 33]
    assert label(TENTH, "EUR") == "Coupon TENTH: 10% off"


def test_an_amount_is_shared_out_by_value_and_never_above_the_goods():
    assert discounts(FIVER, [1500, 500], currency="EUR", now=NOW) == [375, 125]
    assert discounts(CouponTerms("BIG", amounts={"EUR": 9999}), [300, 200], currency="EUR", now=NOW) == [300, 200]
    assert label(FIVER, "JPY") == "Coupon FIVER: share of 800 JPY, by value"


@pytest.mark.parametrize(
    ("coupon", "currency", "code"),
    [
        (FIVER, "USD", "coupon_other_currency"),
        (CouponTerms("X", amounts={"EUR": 5}), "USD", "coupon_other_currency"),
        (FIVER, "JPY", "coupon_minimum_not_reached"),
        (CouponTerms("X", percent=Decimal(5), active=False), "EUR", "coupon_not_active"),
        (CouponTerms("X", percent=Decimal(5), valid_from=NOW + timedelta(seconds=1)), "EUR", "coupon_not_valid_yet"),
        (CouponTerms("X", percent=Decimal(5), valid_to=NOW), "EUR", "coupon_expired"),
    ],
)
def test_what_does_not_apply_says_why(coupon, currency, code):
    with pytest.raises(NotApplicable) as refusal:
        discounts(coupon, [1000, 999], currency=currency, now=NOW)
    assert refusal.value.code == code


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=8), st.decimals(0, 100, places=4))
def test_no_line_is_ever_worth_less_than_nothing(values, percent):
    off = discounts(CouponTerms("X", percent=percent), values, currency="EUR", now=NOW)
    assert all(0 <= discount <= value for discount, value in zip(off, values, strict=True))
