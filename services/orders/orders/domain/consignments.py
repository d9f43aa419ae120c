"""What a landed cost is asked for, and what it answers: lines, charges, and the rule behind each amount."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from .money import ROUNDING_MODE, ExchangeRate
from .rules import Rule

DDP, DAP = "DDP", "DAP"
CHECKOUT, DELIVERY = "checkout", "delivery"


@dataclass(frozen=True)
class Line:
    """Some units of one item. Amounts are minor units of the quote's currency."""

    line_id: int
    sku: str
    quantity: int
    unit_price: int
    weight_g: int
    tax_included_country: str | None = None  # whose domestic tax the price includes
    discount: int = 0  # off the whole line, in the way the price is listed
    discount_label: str = ""  # whose discount it is, for the buyer
    hs_code: str | None = None
    origin: str | None = None
    proof_of_origin: bool = False
    duty_units: Mapping[str, Decimal] = field(default_factory=dict)  # l, m2, pair of one unit
    restrictions: Mapping[str, str] = field(default_factory=dict)  # country -> the reason it is not sold there
    available: Mapping[str, int] = field(default_factory=dict)  # warehouse code -> units

    @property
    def billable_g(self) -> int:
        return self.weight_g * self.quantity

    @property
    def measures(self) -> dict[str, Decimal]:
        """What specific duties are reckoned by, of the whole line."""
        own = {unit: measure * self.quantity for unit, measure in self.duty_units.items()}
        return {**own, "kg": Decimal(self.billable_g) / 1000, "item": Decimal(self.quantity)}


@dataclass(frozen=True)
class Warehouse:
    code: str
    country: str


@dataclass(frozen=True)
class Destination:
    """Where to, and how: the country, the quote's currency, the Incoterm (DDP, DAP), the shipping method's code."""

    country: str
    currency: str
    incoterm: str
    shipping_method: str


@dataclass(frozen=True)
class Problem:
    """Why a line (or, without a line_id, the whole) cannot be quoted."""

    code: str
    detail: str
    line_id: int | None = None


class Unquotable(Exception):
    """No landed cost can be given; `problems` says why, for every line concerned. It is never taken as zero."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.detail for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Step:
    """One amount and the rule it comes from: what a buyer, or an auditor, can check."""

    kind: str  # the charge: goods, freight, insurance, duty, fee, tax
    label: str
    amount: int
    base: int | None = None  # what it was reckoned on
    expression: str = ""
    rule: str = ""  # kind of rule row
    rule_id: str = ""
    version: int | None = None
    valid_from: date | None = None
    source: str = ""
    source_date: date | None = None
    currencies: tuple[str, ...] = ()  # in which the rule states its amounts

    @classmethod
    def by(cls, row: Rule, kind: str, label: str, amount: int, **more) -> "Step":
        """The step that a rule row explains; `more` is base, expression, currencies."""
        return cls(
            kind, label, amount, rule=type(row).__name__, rule_id=row.id, version=row.version,
            valid_from=row.valid_from, source=row.source, source_date=row.source_date, **more,
        )  # fmt: skip


@dataclass(frozen=True)
class Price:
    """What the seller asks for one line: goods without tax, discount (not above zero), its freight and insurance.

    `included_tax` is what the listed price, less discount, held of a tax.
    """

    goods: int
    discount: int
    included_tax: int
    freight: int
    insurance: int
    steps: tuple[Step, ...]

    @property
    def value(self) -> int:
        return self.goods + self.discount

    @property
    def cif(self) -> int:
        return self.value + self.freight + self.insurance


@dataclass(frozen=True)
class Levy:
    """What states and carriers take on one line."""

    tax: int
    customs_value: int = 0
    duty: int = 0
    fee: int = 0
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Levies:
    """Those of all lines, the schemes that applied, and who collects the tax (None: the Incoterm decides)."""

    by_line: tuple[Levy, ...]
    schemes: tuple[str, ...] = ()
    tax_collect: str | None = None


@dataclass(frozen=True)
class LineCost:
    """What one line costs to the door, in minor units; goods are before discount (not above zero) and without tax."""

    line_id: int
    sku: str
    quantity: int
    warehouse: str
    goods: int
    discount: int
    freight: int
    insurance: int
    customs_value: int  # 0 when no border of customs is crossed
    duty: int
    fee: int
    tax: int
    steps: tuple[Step, ...]

    @property
    def total(self) -> int:
        return self.goods + self.discount + self.freight + self.insurance + self.duty + self.fee + self.tax


@dataclass(frozen=True)
class Charge:
    kind: str  # goods, discount, freight, insurance, duty, fee, tax, rounding
    amount: int
    collect: str  # checkout or delivery


@dataclass(frozen=True)
class LandedCost:
    """The answer. `total` is what is collected at checkout, `to_the_door` that and what the carrier collects."""

    destination: Destination
    warehouse: Warehouse
    lines: tuple[LineCost, ...]
    charges: tuple[Charge, ...]
    schemes: tuple[str, ...]  # the de minimis rules and schemes that applied
    exchange_rates: tuple[ExchangeRate, ...]  # those that were used
    min_days: int
    max_days: int
    rounding_mode: str = ROUNDING_MODE

    @property
    def total(self) -> int:
        return sum(charge.amount for charge in self.charges if charge.collect == CHECKOUT)

    @property
    def to_the_door(self) -> int:
        return sum(charge.amount for charge in self.charges)
