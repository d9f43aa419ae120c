"""Duty expressions: read, written, reckoned, and translated from the way the United States publish them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders.domain.duty_expressions import (
    Goods,
    InvalidExpression,
    MissingUnit,
    Untranslatable,
    currencies,
    duty,
    parse,
    translate_usitc,
)
from orders.domain.money import UnknownCurrency


def goods(value: int = 10_000, **measures: str) -> Goods:
    return Goods(value, {unit: Decimal(much) for unit, much in measures.items()}, lambda minor, currency: minor)


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("8%", "800"),
        ("0%", "0"),
        ("0.088 USD/kg + 20%", "2022"),  # 8.8 cents x 2.5 kg = 22
        ("MIN(8%, 3 EUR/item)", "800"),
        ("MAX(30%, 4300 JPY/pair)", "8600"),
        ("MAX(0.30 EUR/item, MIN(4.5%, 0.80 EUR/item))", "240"),
        ("20 USD/1000 item", "6"),
        ("1.5 EUR/l + 1 EUR/m2", "850"),
    ],
)
def test_an_expression_is_reckoned(text, due):
    assert duty(text, goods(kg="2.5", item="3", pair="2", l="3", m2="4")) == Decimal(due)


@pytest.mark.parametrize(
    "text", ["", "8", "8%%", "-1%", "MIN(8%)", "MIN(8%, ", "8% +", "8%, 9%", "1 USD/foo", "1 usd/kg"]
)
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(InvalidExpression):
        parse(text)


def test_a_currency_that_does_not_exist_is_refused():
    with pytest.raises(UnknownCurrency):
        parse("1 XXX/kg")


def test_a_measure_that_the_goods_lack_is_never_zero():
    with pytest.raises(MissingUnit, match="pair"):
        duty("MAX(30%, 4300 JPY/pair)", goods(kg="1"))


numbers = st.decimals(0, 999, places=3, allow_nan=False).map(lambda number: f"{number:f}")
terms = st.one_of(
    numbers.map("{}%".format),
    st.tuples(numbers, st.sampled_from(["USD", "EUR", "JPY"]), st.sampled_from(["kg", "item", "12 item", "pair"])).map(
        lambda parts: "{} {}/{}".format(*parts)
    ),
)
expressions = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(" + ".join),
        st.tuples(st.sampled_from(["MIN", "MAX"]), st.lists(inner, min_size=2, max_size=3)).map(
            lambda parts: f"{parts[0]}({', '.join(parts[1])})"
        ),
    ),
    max_leaves=8,
)


@given(expressions)
def test_an_expression_written_and_read_again_is_the_same(text):
    assert str(parse(text)) == text
    assert parse(str(parse(text))) == parse(text)


@given(expressions, st.integers(0, 10**9))
def test_a_duty_is_never_below_zero_and_grows_with_the_value(text, value):
    measures = {"kg": "1.25", "item": "3", "pair": "3"}
    less, more = duty(text, goods(value, **measures)), duty(text, goods(value + 1, **measures))
    assert 0 <= less <= more


def test_its_currencies_are_known():
    assert currencies("MAX(0.30 EUR/item, 1 USD/kg + 4.5%)") == ("EUR", "USD")


@pytest.mark.parametrize(
    ("published", "expression"),
    [
        ("Free", "0%"),
        ("6.8%", "6.8%"),
        ("1¢/kg", "0.01 USD/kg"),
        ("68¢/head", "0.68 USD/item"),
        ("$1.035/kg", "1.035 USD/kg"),
        ("12.1¢/kg + 4.6%", "0.121 USD/kg + 4.6%"),
        ("2.8¢/kg +8%", "0.028 USD/kg + 8%"),
        ("0.8¢ each + 5.4%", "0.008 USD/item + 5.4%"),
        ("90¢/pr. + 37.5%", "0.90 USD/pair + 37.5%"),
        ("20¢/thousand + 3.5%", "0.20 USD/1000 item + 3.5%"),
        ("22.6¢/liter", "0.226 USD/l"),
        ("$1.10/t", "1.10 USD/1000 kg"),
    ],
)
def test_united_states_rates_are_translated(published, expression):
    assert translate_usitc(published) == expression


@pytest.mark.parametrize(
    "published",
    [
        "", "See additional U.S. note 2", "3.7¢/kg on drained weight", "36¢ each + 5.6% + 2¢/jewel", "10.5¢/bbl",
        "3.6606¢/kg of total sugars", "2.5% on the value of the lead content", "8.8¢", "free",
    ],
)  # fmt: skip
def test_what_cannot_be_translated_is_said_so_and_is_never_zero(published):
    with pytest.raises(Untranslatable):
        translate_usitc(published)
