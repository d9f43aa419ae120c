"""What goes back, pure: exact to the minor unit, never above what was charged, the last unit takes the remainder."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders.domain.refunds import PARTS, Charged, ChargedLine, NotRefundable, by_line, of_no_line

KETTLE = ChargedLine(1, 3, goods=1000, freight=100, duty=50, tax=231)
MUGS = ChargedLine(2, 2, goods=500, freight=0, duty=0, tax=105)
TOTAL = Charged(total=1986)


def after(lines, units, charged, back):
    lines = [replace(line, refunded=line.refunded + units.get(line.line_id, 0)) for line in lines]
    return lines, replace(charged, given_back=charged.given_back + back.minor, carried=back.carried)


def test_each_unit_gets_its_share_of_each_part_and_the_last_takes_the_remainder():
    lines, charged, seen = [KETTLE, MUGS], TOTAL, []
    for _ in range(3):
        back = by_line(lines, {1: 1}, charged=charged)
        seen.append((back.shares[0].goods, back.shares[0].freight, back.shares[0].duty, back.shares[0].tax))
        lines, charged = after(lines, {1: 1}, charged, back)
    assert seen == [(334, 34, 17, 77), (333, 33, 17, 77), (333, 33, 16, 77)]
    assert charged.given_back == 1381


def test_parts_that_stay_keep_their_share_of_the_tax():
    back = by_line([KETTLE, MUGS], {1: 3}, charged=TOTAL, parts=["goods", "tax"]).shares[0]
    assert (back.goods, back.freight, back.duty) == (1000, 0, 0)
    assert back.tax == 201  # 231 shared as 1000 to 150, by largest remainder


def test_more_units_than_are_left_are_refused_naming_what_is_left():
    with pytest.raises(NotRefundable, match="Line 1 has 1 units left to refund, not 2"):
        by_line([replace(KETTLE, refunded=2), MUGS], {1: 2}, charged=TOTAL)


def test_what_went_back_without_a_line_is_never_paid_twice():
    gift = of_no_line(900, charged=TOTAL)
    charged = replace(TOTAL, given_back=gift.minor)
    back = by_line([KETTLE, MUGS], {1: 3, 2: 2}, charged=charged)
    assert back.minor == 1086
    assert sum(share.amount for share in back.shares) == 1086
    assert min(getattr(share, part) for share in back.shares for part in PARTS) >= 0
    with pytest.raises(NotRefundable, match="At most 1086"):
        of_no_line(1087, charged=charged)


def test_a_provider_that_wants_the_third_decimal_zero_gets_it_and_nothing_is_lost():
    lines = [ChargedLine(1, 3, goods=10_004, freight=1_003, duty=0, tax=0)]
    charged = Charged(total=11_010, rounding=3, step=10)
    amounts = []
    for _ in range(3):
        back = by_line(lines, {1: 1}, charged=charged)
        amounts.append(back.minor)
        assert sum(share.amount for share in back.shares) == back.minor
        lines, charged = after(lines, {1: 1}, charged, back)
    assert amounts == [3670, 3660, 3680]
    with pytest.raises(NotRefundable, match="multiples of 10"):
        of_no_line(1005, charged=Charged(total=11_010, step=10))


@st.composite
def orders(draw):
    amounts = st.integers(0, 100_000)
    lines = [
        ChargedLine(i, draw(st.integers(1, 9)), *(draw(amounts) for _ in PARTS))
        for i in range(1, draw(st.integers(1, 4)) + 1)
    ]
    exact = sum(getattr(line, part) for line in lines for part in PARTS)
    step = draw(st.sampled_from([1, 10]))
    total = (exact + step // 2) // step * step
    return lines, Charged(total=total, rounding=total - exact, step=step)


@given(orders(), st.data())
def test_whatever_the_order_of_refunds_they_end_at_what_was_charged_and_never_above(order, data):
    lines, charged = order
    while any(line.refunded < line.quantity for line in lines):
        open_lines = [line for line in lines if line.refunded < line.quantity]
        line = data.draw(st.sampled_from(open_lines))
        units = {line.line_id: data.draw(st.integers(1, line.quantity - line.refunded))}
        back = by_line(lines, units, charged=charged)
        assert back.minor % charged.step == 0
        assert sum(share.amount for share in back.shares) == back.minor
        assert all(getattr(share, part) >= 0 for share in back.shares for part in PARTS)
        lines, charged = after(lines, units, charged, back)
        assert charged.given_back <= charged.total
    assert charged.given_back == charged.total


@given(orders(), st.sets(st.sampled_from(PARTS), min_size=1), st.integers(0, 300_000))
def test_parts_left_out_and_money_given_before_never_make_more_than_is_left(order, parts, gift):
    lines, charged = order
    charged = replace(charged, given_back=min(gift, charged.total) // charged.step * charged.step)
    for line in lines:
        units = {line.line_id: line.quantity}
        back = by_line(lines, units, charged=charged, parts=parts)
        assert 0 <= back.minor <= charged.left
        lines, charged = after(lines, units, charged, back)
    assert charged.given_back <= charged.total
