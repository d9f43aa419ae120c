"""The landed cost of a consignment: what is reckoned on what, who collects it, and why something cannot be quoted."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders.domain.consignments import DAP, LandedCost, Unquotable, Warehouse
from orders.domain.rules import DeMinimis, Fee

from .books import AMS, TYO, amounts, book, cost, duty, freight, line, row, vat


def threshold(charge: str, amount: str = "150", effect: str = "zero", **fields) -> DeMinimis:
    default = {"destination": "EU", "scheme": "low value", "measure": "goods", "currency": "EUR", "comparison": "<="}
    return row(DeMinimis, **{**default, "charge": charge, "amount": Decimal(amount), "effect": effect, **fields})


def codes(refusal: pytest.ExceptionInfo) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.line_id) for problem in refusal.value.problems]


def collected(answer: LandedCost) -> dict[str, str]:
    return {charge.kind: charge.collect for charge in answer.charges}


def test_goods_from_india_to_the_netherlands_cost_what_the_fixture_says():
    rules = book(duty_rates=(duty("61", "8%"),), shipping=(freight("IN", "NL", "6792.00", "INR"),))
    shirt = line(unit_price=7_000_000, available={"IN-BLR": 1})
    answer = cost(shirt, currency="INR", warehouses=(Warehouse("IN-BLR", "IN"),), rules=rules)
    assert amounts(answer) == {"goods": 7_000_000, "freight": 679_200, "duty": 614_336, "tax": 1_741_643}
    assert answer.total == answer.to_the_door == 10_035_179
    assert answer.exchange_rates == ()
    assert answer.lines[0].customs_value == 7_679_200


def test_each_amount_names_its_rule_version_source_and_date():
    steps = {step.kind: step for step in cost().lines[0].steps}
    for kind, rule, expression in (("freight", "ShippingRate", "10.00 EUR up to 30000 g"), ("duty", "DutyRate", "12%")):
        step = steps[kind]
        assert (step.rule, step.expression, step.version) == (rule, expression, 1)
        assert (step.valid_from, step.source, step.source_date) == (date(2026, 1, 1), "test", date(2026, 11, 2))
    assert (steps["duty"].base, steps["tax"].base, steps["tax"].expression) == (11_000, 12_320, "21%")


def test_duty_is_reckoned_on_cif_or_on_fob_by_destination():
    assert amounts(cost())["duty"] == 1320  # 12% of 100.00 + 10.00
    to_the_us = cost(to="US", warehouses=(AMS,))
    assert amounts(to_the_us) == {"goods": 10_000, "freight": 1000, "duty": 1600}  # 16% of 100.00, no tax


def test_inside_a_customs_territory_there_is_no_duty_and_the_destinations_tax():
    answer = cost(to="DE", warehouses=(AMS,), incoterm=DAP)
    assert amounts(answer) == {"goods": 10_000, "freight": 1000, "tax": 2090}
    assert set(collected(answer).values()) == {"checkout"}
    assert answer.lines[0].customs_value == 0


def test_a_price_with_the_countrys_own_tax_shows_it_at_home_and_loses_it_abroad():
    shirt = line(unit_price=12_100, tax_included_country="NL")
    home = cost(shirt, warehouses=(AMS,))
    assert amounts(home) == {"goods": 10_000, "freight": 1000, "tax": 2310}  # 21.00 included and 21% of the freight
    assert home.lines[0].goods + 2100 == 12_100
    assert amounts(cost(shirt, to="US", warehouses=(AMS,)))["goods"] == 10_000
    assert amounts(cost(shirt, to="DE", warehouses=(AMS,))) == {"goods": 10_000, "freight": 1000, "tax": 2090}


@given(st.integers(1, 10**7), st.integers(1, 20), st.integers(0, 100))
def test_an_included_tax_and_the_price_without_it_are_the_listed_price(price, quantity, discount_percent):
    discount = price * quantity * discount_percent // 100
    shirt = line(unit_price=price, quantity=quantity, discount=discount, tax_included_country="NL")
    answer = cost(shirt, warehouses=(AMS,), rules=book(shipping=(freight("NL", "NL", "0"),)))
    assert answer.total == price * quantity - discount


def test_a_discount_lowers_what_duty_and_tax_are_reckoned_on():
    answer = cost(line(discount=2000))
    assert amounts(answer) == {"goods": 10_000, "discount": -2000, "freight": 1000, "duty": 1080, "tax": 2117}


def test_who_collects_follows_the_incoterm_and_a_scheme_overrides_it():
    assert set(collected(cost()).values()) == {"checkout"}
    at_the_door = cost(incoterm=DAP)
    assert collected(at_the_door) == {"goods": "checkout", "freight": "checkout", "duty": "delivery", "tax": "delivery"}
    assert (at_the_door.total, at_the_door.to_the_door) == (11_000, 14_907)
    ioss = threshold("tax", effect="seller_collects", scheme="IOSS")
    answer = cost(incoterm=DAP, rules=book(de_minimis=(ioss,)))
    assert collected(answer) == {"goods": "checkout", "freight": "checkout", "duty": "delivery", "tax": "checkout"}
    assert answer.schemes == ("IOSS",)
    above = cost(line(quantity=2), incoterm=DAP, rules=book(de_minimis=(ioss,)))
    assert collected(above)["tax"] == "delivery" and above.schemes == ()


@pytest.mark.parametrize(
    ("price", "comparison", "duty_due"),
    [(15_000, "<=", 0), (15_001, "<=", 1920), (15_000, "<", 1920), (14_999, "<", 0)],
)
def test_a_threshold_is_met_or_just_missed(price, comparison, duty_due):
    answer = cost(line(unit_price=price), rules=book(de_minimis=(threshold("duty", comparison=comparison),)))
    assert amounts(answer).get("duty", 0) == duty_due


def test_a_threshold_may_measure_cif_be_in_another_currency_end_and_exclude_goods():
    def duty_under(rule: DeMinimis) -> int:
        return amounts(cost(rules=book(de_minimis=(rule,)))).get("duty", 0)

    assert duty_under(threshold("duty", "105", measure="cif")) == 1320
    assert duty_under(threshold("duty", "110", measure="cif")) == 0
    assert duty_under(threshold("duty", "125.00", currency="USD")) == 0  # 100 EUR are 125 USD
    assert duty_under(threshold("duty", "124.99", currency="USD")) == 1320
    assert duty_under(threshold("duty", valid_to=date(2026, 11, 1))) == 1320
    assert duty_under(threshold("duty", valid_to=date(2026, 11, 2))) == 0
    assert duty_under(threshold("duty", excluded_hs=("6109",))) == 1320


def test_a_flat_duty_is_taken_once_for_each_distinct_hs6():
    flat = threshold("duty", "500", effect="flat_per_hs6", flat_amount=Decimal(3))
    lines = (line(1), line(2, "SHIRT-B"), line(3, "PULLOVER", hs_code="61102010"))
    answer = cost(*lines, rules=book(de_minimis=(flat,)))
    assert [each.duty for each in answer.lines] == [150, 150, 300]
    assert amounts(answer)["duty"] == 600
    assert answer.lines[0].steps[2].expression == "3 EUR per distinct HS6"


def test_a_tax_below_its_threshold_is_zero_and_explained():
    answer = cost(rules=book(de_minimis=(threshold("tax", "150"),)))
    assert "tax" not in amounts(answer)
    assert answer.lines[0].steps[-1].expression == "0 when goods <= 150 EUR"


def test_preferential_replaces_base_only_with_proof_and_additional_duties_add_up():
    rates = (
        duty("61", "12%"), duty("61", "0%", layer="preferential", origin="JP"),
        duty("6109", "5%", layer="additional", name="levy 1"), duty("61", "7%", layer="additional", name="levy 1"),
        duty("", "1 EUR/item", layer="additional", name="levy 2"),
    )  # fmt: skip
    rules = book(duty_rates=rates)
    assert amounts(cost(line(origin="JP"), rules=rules))["duty"] == 1320 + 550 + 100
    assert amounts(cost(line(origin="JP", proof_of_origin=True), rules=rules))["duty"] == 550 + 100
    assert amounts(cost(line(proof_of_origin=True), rules=rules))["duty"] == 1320 + 550 + 100


def test_the_rule_is_chosen_by_prefix_then_origin_then_date():
    def duty_by(*rates) -> int:
        return amounts(cost(line(origin="DE"), to="JP", warehouses=(AMS,), rules=book(duty_rates=rates)))["duty"]

    def rate(prefix: str, expression: str, **fields):
        return duty(prefix, expression, "JP", **fields)

    assert duty_by(rate("61", "1%", origin="DE"), rate("6109", "2%")) == 220
    assert duty_by(rate("61", "1%"), rate("61", "2%", origin="EU"), rate("61", "3%", origin="DE")) == 330
    assert duty_by(rate("61", "1%"), rate("61", "2%", origin="EU"), rate("61", "3%", origin="US")) == 220
    assert duty_by(rate("61", "1%"), rate("61", "2%", valid_from=date(2026, 5, 1))) == 220
    assert duty_by(rate("61", "1%"), rate("61", "2%", valid_from=date(2026, 11, 2))) == 220
    assert duty_by(rate("61", "1%"), rate("61", "2%", valid_from=date(2026, 11, 3))) == 110


def test_fees_belong_to_an_incoterm_and_are_taxed_where_the_rule_says_so():
    fee = {"destination": "EU", "name": "handling", "incoterm": "DAP", "amount": Decimal(6), "currency": "EUR"}
    assert "fee" not in amounts(cost(rules=book(fees=(row(Fee, **fee),))))
    untaxed = cost(incoterm=DAP, rules=book(fees=(row(Fee, **fee),)))
    taxed = cost(incoterm=DAP, rules=book(fees=(row(Fee, **fee, taxed=True),)))
    assert amounts(untaxed)["fee"] == amounts(taxed)["fee"] == 600
    assert collected(untaxed)["fee"] == "delivery"
    assert amounts(taxed)["tax"] - amounts(untaxed)["tax"] == 126


def test_freight_is_shared_by_weight_and_insurance_by_value():
    rules = book(shipping=(freight("JP", "NL", "10.00", insurance_percent=Decimal(1)),))
    answer = cost(line(1, unit_price=9000, weight_g=300), line(2, "B", unit_price=1000, weight_g=900), rules=rules)
    assert [(each.freight, each.insurance) for each in answer.lines] == [(250, 90), (750, 10)]


def test_insurance_is_a_share_of_the_value_and_part_of_cif():
    rules = book(shipping=(freight("JP", "NL", "10.00", insurance_percent=Decimal(1)),))
    assert amounts(cost(rules=rules)) == {"goods": 10_000, "freight": 1000, "insurance": 100, "duty": 1332, "tax": 2611}


def test_freight_and_thresholds_are_converted_and_the_rates_are_kept():
    answer = cost(line(unit_price=20_000), to="JP", currency="JPY", warehouses=(AMS,))
    assert amounts(answer) == {"goods": 20_000, "freight": 1600, "duty": 2160, "tax": 2376}
    assert [rate.currency for rate in answer.exchange_rates] == ["JPY"]


def test_a_total_in_dinars_is_rounded_in_a_line_of_its_own():
    answer = cost(line(unit_price=84_501), to="KW", currency="KWD", incoterm=DAP)
    assert amounts(answer) == {"goods": 84_501, "freight": 4000, "duty": 4425, "rounding": -1}
    assert answer.total == 88_500


def test_the_warehouse_is_the_destinations_own_else_the_cheapest_else_the_first():
    shirt = line()
    assert cost(shirt, to="JP", warehouses=(AMS, TYO)).warehouse == TYO
    assert cost(shirt, to="NL", warehouses=(AMS, TYO)).warehouse == AMS
    assert cost(shirt, to="US", warehouses=(AMS, TYO)).warehouse == TYO  # a tie, by code
    cheaper = book(shipping=(freight("NL", "US", "9.99"), freight("JP", "US", "10.00")))
    assert cost(shirt, to="US", warehouses=(AMS, TYO), rules=cheaper).warehouse == AMS
    dear_at_home = book(shipping=(freight("NL", "NL", "50.00"), freight("JP", "NL", "1.00")))
    assert cost(shirt, to="NL", warehouses=(AMS, TYO), rules=dear_at_home).warehouse == AMS
    only_there = line(available={"JP-TYO": 1})
    assert cost(only_there, to="NL", warehouses=(AMS, TYO)).warehouse == TYO


def test_one_warehouse_must_have_everything_lines_of_a_sku_summed():
    with pytest.raises(Unquotable) as refusal:
        cost(
            line(1, quantity=2, available={"NL-AMS": 3}),
            line(2, quantity=2, available={"NL-AMS": 3}),
            warehouses=(AMS,),
        )
    assert codes(refusal) == [("out_of_stock", 1)]
    assert "4 requested, 3 available" in str(refusal.value)


def test_every_line_that_cannot_be_quoted_says_why():
    lines = (
        line(1, "A", hs_code=None), line(2, "B", hs_code="640399"), line(3, "C", hs_code="220421"), line(4),
        line(5, "E", hs_code="9107008000"),
    )  # fmt: skip
    rates = (duty("61", "12%"), duty("64", "MAX(30%, 40 EUR/pair)"), duty("9107", ""))
    with pytest.raises(Unquotable) as refusal:
        cost(*lines, rules=book(duty_rates=rates))
    expected = [("no_hs_code", 1), ("no_measure", 2), ("no_duty_rate", 3), ("no_expression", 5)]
    assert codes(refusal) == expected


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"to": "FR"}, "unknown_destination"),
        ({"method": "balloon"}, "no_shipping"),
        ({"lines": (line(quantity=61),)}, "no_shipping"),
        ({"lines": (line(restrictions={"NL": "Not there."}),)}, "restricted"),
        ({"rules": book(shipping=(freight("JP", "NL", "10.00", duties_paid=False),))}, "ddp_not_offered"),
        ({"rules": book(tax_rates=(vat("DE", "19"),))}, "no_tax_rate"),
        ({"currency": "GBP"}, "no_exchange_rate"),
        ({"warehouses": ()}, "out_of_stock"),
    ],
)
def test_what_is_missing_is_an_answer_and_never_zero(asked, code):
    lines = asked.pop("lines", ()) if "lines" in asked else ()
    with pytest.raises(Unquotable) as refusal:
        cost(*lines, **asked)
    assert [problem.code for problem in refusal.value.problems] == [code]


lines_of_any_kind = st.lists(
    st.builds(
        line,
        unit_price=st.integers(0, 10**6),
        quantity=st.integers(1, 9),
        weight_g=st.integers(1, 300),
        hs_code=st.sampled_from(["610910", "6110", "090121"]),
        tax_included_country=st.sampled_from([None, "NL"]),
    ),
    min_size=1,
    max_size=6,
)


@given(
    lines_of_any_kind, st.sampled_from(["NL", "DE", "JP", "US", "KW"]), st.sampled_from(["DDP", "DAP"]), st.booleans()
)
def test_lines_charges_and_steps_always_add_up(lines, to, incoterm, low_value):
    rates = tuple(
        duty("", expression, union) for union, expression in (("EU", "0.05 USD/kg + 7%"), ("JP", "9%"), ("US", "1%"))
    )
    rules = book(
        duty_rates=(*rates, duty("", "5%", "KW")),
        tax_rates=(vat("NL", "21"), vat("NL", "9", hs_prefix="09"), vat("DE", "19"), vat("JP", "10")),
        de_minimis=(threshold("duty", effect="flat_per_hs6", flat_amount=Decimal(3)),) if low_value else (),
    )
    lines = [line(**{**vars(each), "line_id": i, "sku": f"S{i}"}) for i, each in enumerate(lines, 1)]
    answer = cost(*lines, to=to, incoterm=incoterm, warehouses=(AMS, TYO), rules=rules)
    assert sum(each.total for each in answer.lines) == answer.to_the_door - amounts(answer).get("rounding", 0)
    assert sum(charge.amount for charge in answer.charges if charge.collect == "checkout") == answer.total
    for each in answer.lines:
        for kind in ("goods", "freight", "insurance", "duty", "fee", "tax"):
            assert sum(step.amount for step in each.steps if step.kind == kind) == getattr(each, kind)
