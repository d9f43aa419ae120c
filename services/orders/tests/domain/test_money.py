"""Money: rounding, conversion and sharing out."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders.domain.money import (
    EXPONENTS,
    ExchangeRate,
    ExchangeRates,
    NoExchangeRate,
    UnknownCurrency,
    allocate,
    charge_step,
    exponent,
    half_up,
    rounding_to_step,
)

DAY = date(2026, 10, 30)
RATES = {"USD": "1.1172", "GBP": "0.8338", "JPY": "175.68", "INR": "106.084", "KWD": "0.3430"}
EXCHANGE = ExchangeRates({code: ExchangeRate(code, Decimal(rate), DAY, "test") for code, rate in RATES.items()})
amounts = st.integers(-(10**12), 10**12)
codes = st.sampled_from(["EUR", *RATES])


def test_currencies_know_their_decimals():
    assert [exponent(code) for code in ("JPY", "EUR", "KWD")] == [0, 2, 3]
    assert len(EXPONENTS) > 150
    with pytest.raises(UnknownCurrency):
        exponent("XXX")


@pytest.mark.parametrize(("exact", "rounded"), [("0.5", 1), ("1.5", 2), ("2.5", 3), ("2.4999", 2), ("-0.5", -1)])
def test_halves_go_away_from_zero(exact, rounded):
    assert half_up(Decimal(exact)) == rounded


def test_a_conversion_goes_through_the_euro_and_is_rounded_once():
    assert EXCHANGE.convert(10000, "USD", "JPY") == 15725  # 100 / 1.1172 x 175.68 = 15725.02...
    assert EXCHANGE.convert(15725, "JPY", "KWD") == 30702  # 15725 / 175.68 x 0.343 = 30.7018... dinars
    assert EXCHANGE.convert(1, "JPY", "EUR") == 1  # 0.569 cents
    assert EXCHANGE.of_major(Decimal("12.50"), "EUR", "KWD") == 4288  # 4.2875 dinars


def test_a_missing_rate_is_an_error_and_the_same_currency_needs_none():
    assert ExchangeRates().convert(123, "INR", "INR") == 123
    with pytest.raises(NoExchangeRate, match="INR"):
        ExchangeRates().convert(123, "INR", "EUR")


@given(amounts, codes, codes)
def test_a_conversion_is_the_formula_and_is_odd(amount, source, target):
    rate = Decimal(RATES.get(target, 1)) / Decimal(RATES.get(source, 1))
    expected = Decimal(amount) * rate * Decimal(10) ** (exponent(target) - exponent(source))
    assert abs(EXCHANGE.convert(amount, source, target) - expected) <= Decimal("0.5000001")
    assert EXCHANGE.convert(-amount, source, target) == -EXCHANGE.convert(amount, source, target)


@given(amounts, codes)
def test_a_conversion_to_a_finer_currency_and_back_returns_the_amount(amount, source):
    finer = EXCHANGE.exact(amount, source, "INR")
    assert half_up(EXCHANGE.exact(finer, "INR", source)) == amount


@given(amounts, st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_shares_add_up_and_none_is_a_unit_off_its_proportion(total, weights):
    shares = allocate(total, weights)
    assert sum(shares) == total
    whole = sum(weights)
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * (whole or len(weights)) - total * (weight if whole else 1)) < (whole or len(weights))


def test_the_largest_remainder_gets_the_odd_unit_and_ties_go_to_the_first():
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(10, [5, 3, 2]) == [5, 3, 2]
    assert allocate(2, [1, 2, 2]) == [0, 1, 1]
    assert allocate(-100, [1, 1, 1]) == [-34, -33, -33]
    assert allocate(5, [0, 0]) == [3, 2]
    with pytest.raises(ValueError):
        allocate(5, [])
    with pytest.raises(ValueError):
        allocate(5, [1, -1])


def test_a_total_in_dinars_ends_in_zero():
    assert (charge_step("KWD"), charge_step("EUR")) == (10, 1)
    assert [rounding_to_step(amount, "KWD") for amount in (90755, 90754, 90760)] == [5, -4, 0]
    assert rounding_to_step(90755, "EUR") == 0
