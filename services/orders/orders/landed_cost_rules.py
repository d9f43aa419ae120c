"""Reads the stored rules into the pure rule set: one statement for a quote, two for goods not asked
for before, ten after a rule has changed."""

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import F, Max, Q, QuerySet

from orders.domain import rules
from orders.domain.consignments import Line
from orders.domain.money import ExchangeRate, ExchangeRates
from orders.models import rules as tables


def rules_for(*, country: str, lines: Iterable[Line], day: date) -> rules.RuleSet:
    """All rules that a quote for these lines to this country may need, as they stand on the day."""
    codes = frozenset(line.hs_code for line in lines if line.hs_code)
    book = tables.RuleBook.objects.filter(pk=1).first()
    return _rules_cached(book.revision, day, country, codes) if book else _rules(_standing(day), day, country, codes)


def shipping_rates_to(country: str, *, day: date) -> list[rules.ShippingRate]:
    """The weight bands of every method that reaches the country, by origin, method and weight."""
    standing = _standing_on(day)
    origins = sorted({row.origin for row in standing.shipping})
    return [row for origin in origins for row in standing.shipping_rates(origin, country)]


def _standing_on(day: date) -> rules.RuleSet:
    book = tables.RuleBook.objects.filter(pk=1).first()
    return _standing_cached(book.revision, day) if book else _standing(day)


@lru_cache(maxsize=256)
def _rules_cached(revision: UUID, day: date, country: str, codes: frozenset[str]) -> rules.RuleSet:
    """The same until a rule changes or the day ends; another revision is another entry."""
    return _rules(_standing_cached(revision, day), day, country, codes)


def _rules(standing: rules.RuleSet, day: date, country: str, codes: frozenset[str]) -> rules.RuleSet:
    prefixes = {code[:length] for code in codes for length in range(2, len(code) + 1)}
    duties = _in_force(tables.DutyRate, day).filter(
        destination=standing.union_of(country), hs_prefix__in=[rules.ANY, *sorted(prefixes)]
    )
    shipping = tuple(row for row in standing.shipping if row.destination == country)
    return replace(standing, duty_rates=_pure(rules.DutyRate, duties), shipping=shipping)


@lru_cache(maxsize=4)
def _standing_cached(revision: UUID, day: date) -> rules.RuleSet:
    return _standing(day)


def _standing(day: date) -> rules.RuleSet:
    """All but the duty rates: the tables that are small, the same until a rule changes or the day ends."""
    shipping = _in_force(tables.ShippingRate, day).annotate(
        method_name=F("method__name"), duties_paid=F("method__duties_paid")
    )
    return rules.RuleSet(
        day=day,
        exchange=_exchange_rates(day),
        territories=_pure(rules.Territory, _in_force(tables.Territory, day)),
        tax_rates=_pure(rules.TaxRate, _in_force(tables.TaxRate, day)),
        de_minimis=_pure(rules.DeMinimis, _in_force(tables.DeMinimis, day)),
        fees=_pure(rules.Fee, _in_force(tables.Fee, day)),
        shipping=_pure(rules.ShippingRate, shipping),
        return_policies=_pure(rules.ReturnPolicy, _in_force(tables.ReturnPolicy, day)),
    )


def _exchange_rates(day: date) -> ExchangeRates:
    """Each currency's latest rate on or before the day."""
    known = tables.ExchangeRate.objects.filter(day__lte=day)
    latest = dict(known.values_list("currency").annotate(Max("day")).order_by())
    rows = known.filter(day__in=set(latest.values())).values("currency", "per_euro", "day", "source")
    return ExchangeRates(
        {row["currency"]: ExchangeRate(**row) for row in rows if latest[row["currency"]] == row["day"]}
    )


def _in_force(table: Any, day: date) -> QuerySet:
    return table.objects.filter(Q(valid_to=None) | Q(valid_to__gte=day), valid_from__lte=day)


def _pure(kind: type[rules.Rule], rows) -> tuple:
    """Stored rows as the domain's dataclasses; the fields have the same names."""
    names = [field.name for field in fields(kind)]
    return tuple(kind(**{**row, "id": str(row["id"]), **_lists(row)}) for row in rows.values(*names))


def _lists(row: dict) -> dict:
    return {"excluded_hs": tuple(row["excluded_hs"].split())} if "excluded_hs" in row else {}
