"""Importing rules: recognised, validated, all or nothing, the diff first, twice the same."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from orders.models import DutyRate, ExchangeRate, RuleBook, ShippingRate, TaxRate, Territory

pytestmark = pytest.mark.django_db

DUTY = "destination,hs_prefix,origin,layer,name,expression,valid_from,valid_to,source,source_date\n"
TAX = "country,hs_prefix,percent,valid_from,source,source_date\n"
TAIL = "2026-01-01,,test,2026-01-02\n"


@pytest.fixture
def load(tmp_path):
    """Import files of these texts; returns what the command said."""

    def run(*texts: str, **options) -> str:
        paths = []
        for number, text in enumerate(texts):
            paths.append(tmp_path / f"file{number}.csv")
            paths[-1].write_text(text, encoding="utf-8")
        out = StringIO()
        call_command("import_rules", *paths, stdout=out, **options)
        return out.getvalue()

    return run


def test_a_file_is_recognised_by_its_header_and_its_lists_become_rows(load):
    said = load(f"# a comment\n{DUTY}EU,6109 6110,,base,,12%,{TAIL}", f"{TAX}NL DE,,21,2026-01-01,test,2026-01-02\n")
    assert "duty rates: 2 added, 0 changed, 0 unchanged" in said
    assert "+ DutyRate destination=EU hs_prefix=6109" in said
    assert set(DutyRate.objects.values_list("hs_prefix", "expression")) == {("6109", "12%"), ("6110", "12%")}
    assert set(TaxRate.objects.values_list("country", flat=True)) == {"NL", "DE"}


def test_the_same_file_again_changes_nothing(load):
    text = f"{DUTY}EU,6109,,base,,12%,{TAIL}"
    load(text)
    before = RuleBook.objects.get().revision
    assert load(text) == "duty rates: 0 added, 0 changed, 1 unchanged\n"
    assert RuleBook.objects.get().revision == before


def test_a_correction_shows_the_difference_and_gets_the_next_version(load):
    load(f"{DUTY}EU,6109,,base,,12%,{TAIL}")
    before = RuleBook.objects.get().revision
    said = load(f"{DUTY}EU,6109,,base,,8%,{TAIL}")
    assert "expression 12% -> 8%" in said and "1 changed" in said
    row = DutyRate.objects.get()
    assert (row.expression, row.version) == ("8%", 2)
    assert RuleBook.objects.get().revision != before


def test_a_check_only_shows(load):
    assert "1 added" in load(f"{DUTY}EU,6109,,base,,12%,{TAIL}", check=True)
    assert not DutyRate.objects.exists()


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("EU,6109,,base,,12 percent,", "expression"),
        ("Europe,6109,,base,,12%,", "destination"),
        ("EU,61-09,,base,,12%,", "hs_prefix"),
        ("EU,6109,,main,,12%,", "layer"),
        ("EU,6109,,additional,,12%,", "name"),
        ("EU,6109,,base,safeguard,12%,", "name"),
        ("EU,6109,,base,,5 XXX/kg,", "XXX"),
        ("EU,6110,,base,,9%,", "a tie, line 2 is the same rule"),
    ],
)
def test_one_bad_row_refuses_every_file(load, row, complaint):
    good = f"{TAX}NL,,21,2026-01-01,test,2026-01-02\n"
    with pytest.raises(CommandError) as refusal:
        load(good, f"{DUTY}EU,6110,,base,,12%,{TAIL}{row}{TAIL}")
    assert "file1.csv line 3" in str(refusal.value) and complaint in str(refusal.value)
    assert not TaxRate.objects.exists() and not DutyRate.objects.exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("destination,rate\nEU,12%\n", "no table of rules has the columns destination, rate"),
        (f"{DUTY}EU,6109\n", "line 2: it has not as many values"),
        ("", "it is empty"),
        (f"{DUTY}EU,6109,,base,,12%,2026-13-01,,test,2026-01-02\n", "valid_from"),
        (f"{DUTY}EU,6109,,base,,12%,2026-01-01,2025-12-31,test,2026-01-02\n", "ends before it begins"),
        (f"{DUTY}EU,6109,,base,,12%,2026-01-01,,,2026-01-02\n", "source"),
    ],
)
def test_a_file_that_is_none_is_refused(load, text, complaint):
    with pytest.raises(CommandError, match=complaint):
        load(text)


def test_a_missing_file_is_refused():
    with pytest.raises(CommandError, match="nowhere"):
        call_command("import_rules", Path("nowhere.csv"))


def test_a_rate_for_a_method_that_does_not_exist_is_refused(load):
    header = "method,origin,zone,destination,up_to_g,amount,currency,min_days,max_days,valid_from,source,source_date\n"
    with pytest.raises(CommandError, match="method"):
        load(f"{header}balloon,NL,EU,DE,500,4.95,EUR,1,2,2026-01-01,test,2026-01-02\n")
    assert not ShippingRate.objects.exists()


def test_us_duties_are_loaded_and_what_cannot_be_said_stays_empty(tmp_path):
    file, out = tmp_path / "us.csv", StringIO()
    file.write_text("hs_code,rate\n0101300000,6.8%\n4202321000,12.1¢/kg + 4.6%\n9107008000,45¢ each + 2.5¢/jewel\n")
    call_command("import_us_duties", file=file, stdout=out)
    assert dict(DutyRate.objects.values_list("hs_prefix", "expression")) == {
        "0101300000": "6.8%",
        "4202321000": "0.121 USD/kg + 4.6%",
        "9107008000": "",
    }
    assert "? HS 9107008000: 45¢ each + 2.5¢/jewel" in out.getvalue()


def test_exchange_rates_are_the_latest_of_the_ecb_and_a_labelled_table():
    call_command("import_exchange_rates", verbosity=0)
    call_command("import_exchange_rates", verbosity=0)
    rates = {row.currency: row for row in ExchangeRate.objects.all()}
    assert {"USD", "GBP", "JPY", "INR", "KWD"} <= rates.keys()
    assert len(rates) == ExchangeRate.objects.count()
    assert rates["USD"].source.startswith("European Central Bank") and rates["KWD"].source.startswith("demo")
    call_command("import_exchange_rates", days=3, verbosity=0)
    assert ExchangeRate.objects.filter(currency="USD").count() == 3


def test_vat_rates_are_those_of_countries_with_rules_and_a_rate_that_stands_is_left_alone():
    for country, tax in (("NL", "VAT"), ("US", "")):
        dates = {"valid_from": "2021-01-01", "source_date": "2026-01-01"}
        Territory.objects.create(
            country=country, territory=country, customs_value="CIF", tax_name=tax, source="t", **dates
        )
    call_command("import_vat_rates", verbosity=0)
    first = TaxRate.objects.get()
    assert (first.country, first.hs_prefix, first.percent) == ("NL", "", 21)
    TaxRate.objects.update(valid_from="2025-01-01")
    call_command("import_vat_rates", verbosity=0)
    assert TaxRate.objects.count() == 1
    TaxRate.objects.update(percent=19)
    call_command("import_vat_rates", verbosity=0)
    assert sorted(TaxRate.objects.values_list("percent", flat=True)) == [19, 21]
