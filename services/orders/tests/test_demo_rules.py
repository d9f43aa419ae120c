"""The demo's rules: every market quotes everything that the demo shop sells, in a constant number of statements."""

from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.db.models import Q
from orders.domain.consignments import DAP, DDP, Destination, Line, Unquotable, Warehouse
from orders.domain.landed_cost import cost_from, landed_cost
from orders.landed_cost_rules import rules_for, shipping_rates_to
from orders.models import DutyRate, RuleBook, TaxRate
from orders.rule_import import TABLES

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 23)
MARKETS = {"NL": "EUR", "DE": "EUR", "FR": "EUR", "GB": "GBP", "US": "USD", "JP": "JPY", "IN": "INR", "KW": "KWD"}
SOLD = [
    *("090121", "090210", "090230", "180632", "610910", "611020", "620342", "620462", "640399", "640411", "420221"),
    *("420222", "691110", "691200", "821192", "851830", "851713", "847130", "910211", "950300", "330499", "490199"),
    *("871499", "630140", "960810"),
]
AMS, TYO = Warehouse("NL-AMS", "NL"), Warehouse("JP-TYO", "JP")


@pytest.fixture(scope="module")
def loaded() -> dict:
    """What load_demo wrote, by table, once it has run; of the 10-digit lines only those that are asked for."""
    return {}


@pytest.fixture
def demo(db, loaded):
    if not loaded:
        call_command("load_demo", verbosity=0)
        wanted = Q(hs_prefix__in=["4202321000", "8211100000"]) | ~Q(hs_prefix__regex=r"^[0-9]{10}$")
        loaded.update({table: list(table.objects.all()) for table in TABLES if table is not DutyRate})
        loaded[DutyRate] = list(DutyRate.objects.filter(wanted))
        return
    for table, rows in loaded.items():
        table.objects.bulk_create(rows)
    RuleBook.turn_page()


def line(hs_code: str, line_id: int = 1, **fields) -> Line:
    default = {
        "weight_g": 400,
        "origin": "VN",
        "duty_units": {"pair": Decimal(1)},
        "available": {"NL-AMS": 9, "JP-TYO": 9},
    }
    return Line(line_id, f"SKU-{hs_code}", 1, fields.pop("unit_price", 5000), hs_code=hs_code, **{**default, **fields})


def quote(*lines: Line, to: str, currency: str = "", incoterm: str = DDP, warehouse: Warehouse = TYO, day: date = DAY):
    rules = rules_for(country=to, lines=lines, day=day)
    destination = Destination(to, currency or MARKETS[to], incoterm, "standard")
    return cost_from(warehouse, lines, to=destination, rules=rules)


def schemes(**asked) -> tuple[str, ...]:
    return quote(line("630140", **asked.pop("fields", {})), **asked).schemes


def test_everything_is_quoted_to_every_market_from_both_warehouses(demo):
    lines = [line(code, number) for number, code in enumerate(SOLD, 1)]
    for country in MARKETS:
        for warehouse in (AMS, TYO):
            for incoterm in (DDP, DAP):
                answer = quote(*lines, to=country, incoterm=incoterm, warehouse=warehouse)
                assert answer.to_the_door > 5000 * len(lines)
                steps = [step for each in answer.lines for step in each.steps if step.rule]
                assert all(step.source and step.source_date and step.version for step in steps)


def test_a_quote_takes_two_statements_however_many_lines_and_one_when_its_goods_were_asked_for_before(
    demo, django_assert_num_queries
):
    rules_for(country="NL", lines=[], day=DAY)
    for lines in ([line("610910")], [line(code, number) for number, code in enumerate(SOLD, 1)]):
        for statements in (2, 1, 1):
            with django_assert_num_queries(statements):
                rules_for(country="NL", lines=lines, day=DAY)
    RuleBook.turn_page()
    with django_assert_num_queries(10):
        rules_for(country="NL", lines=[line("610910")], day=DAY)


def test_a_rule_saved_in_the_admin_counts_at_once(demo):
    before = quote(line("090121", unit_price=50_000), to="JP", warehouse=AMS)
    rate = TaxRate.objects.get(country="JP", hs_prefix="0901")
    rate.percent = 10
    rate.save()
    after = quote(line("090121", unit_price=50_000), to="JP", warehouse=AMS)
    assert after.lines[0].tax > before.lines[0].tax
    rate.delete()
    assert quote(line("090121", unit_price=50_000), to="JP", warehouse=AMS).lines[0].tax == after.lines[0].tax


def test_the_low_value_rules_of_the_markets_are_those_of_their_day(demo):
    assert schemes(to="NL") == ("Low-value flat duty", "IOSS")
    assert schemes(to="NL", day=date(2026, 10, 30)) == ("Low-value flat duty", "IOSS")
    assert schemes(to="NL", fields={"unit_price": 15_001}) == ()
    assert schemes(to="GB", warehouse=AMS) == ("Low-value relief", "UK up to 135 GBP")
    assert schemes(to="US", warehouse=AMS) == ()
    assert schemes(to="JP", warehouse=AMS, fields={"unit_price": 5000}) == ("Up to 10000 JPY",)
    assert schemes(to="KW", fields={"unit_price": 100_000}) == ("Up to 100 KWD",)
    assert schemes(to="IN", fields={"unit_price": 100}) == ()


def test_a_parcel_of_low_value_pays_three_euros_for_each_hs6(demo):
    answer = quote(line("630140", 1), line("610910", 2), line("610910", 3), to="NL")
    assert sum(each.duty for each in answer.lines) == 600


def test_indias_surcharge_is_a_tenth_of_its_duty(demo):
    duty, surcharge = [step for step in quote(line("950300"), to="IN").lines[0].steps if step.kind == "duty"]
    assert (duty.expression, surcharge.expression) == ("70%", "7%")
    assert abs(surcharge.amount * 10 - duty.amount) <= 5


def test_a_ten_digit_code_meets_the_published_line_and_words_are_not_quoted(demo):
    step = next(step for step in quote(line("4202321000"), to="US").lines[0].steps if step.kind == "duty")
    assert step.expression == "0.121 USD/kg + 4.6%" and step.source.startswith("USITC")
    with pytest.raises(Unquotable, match="published in words"):
        quote(line("8211100000"), to="US")


def test_what_has_no_rate_is_not_quoted(demo):
    with pytest.raises(Unquotable, match="no duty rate of EU for HS 220421"):
        quote(line("220421", unit_price=20_000), to="NL")


def test_goods_with_proof_of_origin_come_in_free_under_the_agreements(demo):
    british = line("610910", origin="DE", unit_price=20_000)
    assert quote(british, to="GB", warehouse=AMS).lines[0].duty > 0
    proven = line("610910", origin="DE", unit_price=20_000, proof_of_origin=True)
    assert quote(proven, to="GB", warehouse=AMS).lines[0].duty == 0


def test_the_destinations_own_warehouse_serves_it(demo):
    lines = [line("610910")]
    rules = rules_for(country="JP", lines=lines, day=DAY)
    answer = landed_cost(lines, to=Destination("JP", "JPY", DDP, "standard"), warehouses=[AMS, TYO], rules=rules)
    assert answer.warehouse == TYO and "duty" not in {charge.kind for charge in answer.charges}


def test_shipping_methods_reach_every_market_from_both_warehouses_in_rising_bands(demo):
    offered = {(origin, method) for origin in ("JP", "NL") for method in ("express", "post", "standard")}
    for country in MARKETS:
        rates = shipping_rates_to(country, day=DAY)
        assert {(rate.origin, rate.method) for rate in rates} == offered
        for lane in offered:
            prices = [rate.amount for rate in rates if (rate.origin, rate.method) == lane]
            assert len(prices) == 5 and prices == sorted(set(prices))


def test_loading_the_demo_again_changes_nothing(db):
    call_command("load_demo", verbosity=0)
    revision, rows = RuleBook.objects.get().revision, DutyRate.objects.count()
    out = StringIO()
    call_command("load_demo", verbosity=2, stdout=out)
    assert not [said for said in out.getvalue().splitlines() if said.startswith(("+", "~"))]
    assert (RuleBook.objects.get().revision, DutyRate.objects.count()) == (revision, rows)
    assert rows > 8000
