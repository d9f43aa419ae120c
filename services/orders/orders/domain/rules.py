"""The rows that a landed cost is reckoned by, and how one is chosen among them.

Every row holds from `valid_from` to `valid_to` (both days included), has a source with its date, and a version that
grows when it is corrected. Choosing is: the longest HS prefix, then the exact origin over any, then the latest
`valid_from`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import TypeVar

from .money import ExchangeRates

ANY = ""  # the origin or HS prefix of a row that holds for all
BASE, PREFERENTIAL, ADDITIONAL = "base", "preferential", "additional"
CIF, FOB = "CIF", "FOB"
ZERO, FLAT_PER_HS6, SELLER_COLLECTS = "zero", "flat_per_hs6", "seller_collects"

Row = TypeVar("Row", bound="Rule")


@dataclass(frozen=True, kw_only=True)
class Rule:
    id: str
    source: str
    source_date: date
    version: int = 1
    valid_from: date
    valid_to: date | None = None

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, kw_only=True)
class Territory(Rule):
    """A country's place in the world of customs: its union, what duty is reckoned on, what its tax is called."""

    country: str
    territory: str  # EU for the members of its customs union, else the country itself
    customs_value: str  # CIF or FOB
    tax_name: str = ""  # empty: it levies no tax on imports


@dataclass(frozen=True, kw_only=True)
class DutyRate(Rule):
    destination: str  # a territory
    hs_prefix: str
    origin: str = ANY  # a country or a territory
    layer: str = BASE
    name: str = ""  # of an additional duty, such as "anti-dumping"
    expression: str  # empty: known, but only a person can reckon it; such goods are not quoted


@dataclass(frozen=True, kw_only=True)
class TaxRate(Rule):
    country: str
    hs_prefix: str = ANY
    percent: Decimal


@dataclass(frozen=True, kw_only=True)
class DeMinimis(Rule):
    """Below a threshold a charge is zero, or flat per distinct HS6, or collected by the seller at checkout."""

    destination: str  # a country or a territory
    scheme: str
    charge: str  # duty or tax
    measure: str  # goods or cif: what of the consignment is held against the threshold
    amount: Decimal  # major units
    currency: str
    comparison: str  # < or <=
    effect: str
    flat_amount: Decimal | None = None  # major units, per distinct HS6
    excluded_hs: tuple[str, ...] = ()  # prefixes that the rule does not help

    def covers(self, measured: Decimal) -> bool:
        """Whether a consignment of this measure, in major units of the threshold's currency, is within."""
        return measured < self.amount or (self.comparison == "<=" and measured == self.amount)

    def helps(self, hs_code: str | None) -> bool:
        return not any((hs_code or "").startswith(prefix) for prefix in self.excluded_hs)


@dataclass(frozen=True, kw_only=True)
class Fee(Rule):
    """What the carrier or the customs office takes per consignment that crosses the border."""

    destination: str  # a country or a territory
    name: str
    incoterm: str = ""  # DDP or DAP; empty: both
    amount: Decimal  # major units
    currency: str
    taxed: bool = False  # whether it is part of the tax base


@dataclass(frozen=True, kw_only=True)
class ShippingRate(Rule):
    """A weight band of a shipping method between two countries."""

    method: str
    method_name: str
    duties_paid: bool
    zone: str
    origin: str
    destination: str
    up_to_g: int
    amount: Decimal  # major units
    currency: str
    insurance_percent: Decimal = Decimal(0)  # of the goods' value
    min_days: int
    max_days: int


@dataclass(frozen=True, kw_only=True)
class ReturnPolicy(Rule):
    """For how long a market's buyers may send goods back, and whether freight and import duty come back with them."""

    destination: str  # a country or a territory
    window_days: int
    freight: bool
    duty: bool


@dataclass(frozen=True)
class RuleSet:
    """All rows that one quote may need, those in force on its day, and its exchange rates."""

    day: date
    exchange: ExchangeRates
    territories: tuple[Territory, ...] = ()
    duty_rates: tuple[DutyRate, ...] = ()
    tax_rates: tuple[TaxRate, ...] = ()
    de_minimis: tuple[DeMinimis, ...] = ()
    fees: tuple[Fee, ...] = ()
    shipping: tuple[ShippingRate, ...] = ()
    return_policies: tuple[ReturnPolicy, ...] = ()
    _territory_by_country: dict[str, Territory] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        rows = sorted((row for row in self.territories if row.holds_on(self.day)), key=attrgetter("valid_from"))
        self._territory_by_country.update({row.country: row for row in rows})

    def territory(self, country: str) -> Territory | None:
        return self._territory_by_country.get(country)

    def union_of(self, country: str) -> str:
        """The customs territory that a country belongs to: itself, unless a row says otherwise."""
        row = self.territory(country)
        return row.territory if row else country

    def duty_rate(self, destination: str, hs_code: str, origin: str | None, layer: str) -> DutyRate | None:
        """The row of the base or preferential layer for goods of this code and origin."""
        return _best(self._duty_candidates(destination, hs_code, origin, layer), self._rank(origin))

    def additional_duties(self, destination: str, hs_code: str, origin: str | None) -> list[DutyRate]:
        """One row for each additional duty's name, in the order of the names."""
        rows = self._duty_candidates(destination, hs_code, origin, ADDITIONAL)
        by_name = {row.name: row for row in sorted(rows, key=self._rank(origin))}
        return [by_name[name] for name in sorted(by_name)]

    def tax_rate(self, country: str, hs_code: str | None) -> TaxRate | None:
        rows = [
            row
            for row in self.tax_rates
            if row.country == country and (hs_code or "").startswith(row.hs_prefix) and row.holds_on(self.day)
        ]
        return _best(rows, lambda row: (len(row.hs_prefix), row.valid_from))

    def thresholds(self, country: str, charge: str) -> list[DeMinimis]:
        """The schemes in force for a charge, the newest first; of one day the lower threshold first."""
        rows = [
            row
            for row in self.de_minimis
            if row.destination in {country, self.union_of(country)} and row.charge == charge and row.holds_on(self.day)
        ]
        return sorted(rows, key=lambda row: (-row.valid_from.toordinal(), row.amount, row.scheme))

    def fees_for(self, country: str, incoterm: str) -> list[Fee]:
        """The fees of a consignment; a row for the country itself replaces its union's row of the same name."""
        rows: dict[str, Fee] = {}
        for row in sorted(self.fees, key=lambda row: (row.destination == country, row.valid_from)):
            if row.destination in {country, self.union_of(country)} and row.incoterm in {"", incoterm}:
                rows.update({row.name: row} if row.holds_on(self.day) else {})
        return [rows[name] for name in sorted(rows)]

    def return_policy(self, country: str) -> ReturnPolicy | None:
        """What the market is promised; a row for the country itself replaces its union's."""
        rows = [
            row
            for row in self.return_policies
            if row.destination in {country, self.union_of(country)} and row.holds_on(self.day)
        ]
        return _best(rows, lambda row: (row.destination == country, row.valid_from))

    def shipping_rates(self, origin: str, destination: str) -> list[ShippingRate]:
        """All bands in force between two countries, the newest of each, lightest first."""
        newest: dict[tuple[str, int], ShippingRate] = {}
        for row in sorted(self.shipping, key=attrgetter("valid_from")):
            if (row.origin, row.destination) == (origin, destination) and row.holds_on(self.day):
                newest[row.method, row.up_to_g] = row
        return sorted(newest.values(), key=attrgetter("method", "up_to_g"))

    def shipping_rate(self, method: str, origin: str, destination: str, weight_g: int) -> ShippingRate | None:
        """The band of a method that a weight falls into; None when it is not offered or too heavy."""
        bands = [row for row in self.shipping_rates(origin, destination) if row.method == method]
        return next((row for row in bands if weight_g <= row.up_to_g), None)

    def _duty_candidates(self, destination: str, hs_code: str, origin: str | None, layer: str) -> list[DutyRate]:
        origins = {ANY, origin, self.union_of(origin)} if origin else {ANY}
        return [
            row
            for row in self.duty_rates
            if row.destination == self.union_of(destination)
            and row.layer == layer
            and row.origin in origins
            and hs_code.startswith(row.hs_prefix)
            and row.holds_on(self.day)
        ]

    @staticmethod
    def _rank(origin: str | None) -> Callable[[DutyRate], tuple]:
        return lambda row: (len(row.hs_prefix), row.origin == origin, row.origin != ANY, row.valid_from)


def _best(rows: Iterable[Row], rank: Callable[[Row], tuple]) -> Row | None:
    return max(rows, key=rank, default=None)
