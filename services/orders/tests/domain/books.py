"""Small rule books for the tests of the landed cost."""

from datetime import date
from decimal import Decimal

from orders.domain.consignments import DDP, Destination, LandedCost, Line, Warehouse
from orders.domain.landed_cost import landed_cost
from orders.domain.money import ExchangeRate, ExchangeRates
from orders.domain.rules import DutyRate, RuleSet, ShippingRate, TaxRate, Territory

DAY = date(2026, 11, 2)
EXCHANGE = ExchangeRates(
    {
        code: ExchangeRate(code, Decimal(rate), DAY, "test")
        for code, rate in (("USD", "1.25"), ("JPY", "160"), ("KWD", "0.4"))
    }
)
AMS, TYO = Warehouse("NL-AMS", "NL"), Warehouse("JP-TYO", "JP")
BOTH = {"NL-AMS": 99, "JP-TYO": 99}


def row(kind, **fields):
    """A rule of 2026 with a source; its id is its kind, and its name in the test when there is one."""
    dated = {"id": kind.__name__, "source": "test", "source_date": DAY, "valid_from": date(2026, 1, 1)}
    return kind(**{**dated, **fields})


def duty(hs_prefix: str, expression: str, destination: str = "EU", **fields) -> DutyRate:
    return row(DutyRate, destination=destination, hs_prefix=hs_prefix, expression=expression, **fields)


def vat(country: str, percent: str, **fields) -> TaxRate:
    return row(TaxRate, country=country, percent=Decimal(percent), **fields)


def freight(origin: str, destination: str, amount: str, currency: str = "EUR", **fields) -> ShippingRate:
    default = {"method": "standard", "method_name": "Standard", "duties_paid": True, "zone": "all", "up_to_g": 30_000}
    days = {"min_days": 2, "max_days": 5}
    lane = {"origin": origin, "destination": destination, "amount": Decimal(amount), "currency": currency}
    return row(ShippingRate, **{**default, **days, **lane, **fields})


TERRITORIES = tuple(
    row(Territory, country=country, territory=union, customs_value=value, tax_name=tax)
    for country, union, value, tax in (
        ("NL", "EU", "CIF", "VAT"), ("DE", "EU", "CIF", "VAT"), ("JP", "JP", "CIF", "Consumption tax"),
        ("US", "US", "FOB", ""), ("KW", "KW", "CIF", ""), ("IN", "IN", "CIF", "IGST"),
    )
)  # fmt: skip


def book(**tables) -> RuleSet:
    defaults = {
        "territories": TERRITORIES,
        "duty_rates": (duty("61", "12%"), duty("61", "10%", "JP"), duty("61", "16%", "US"), duty("", "5%", "KW")),
        "tax_rates": (vat("NL", "21"), vat("NL", "9", hs_prefix="09"), vat("DE", "19"), vat("JP", "10")),
        "shipping": tuple(
            freight(origin, destination, "10.00")
            for origin in ("NL", "JP")
            for destination in ("NL", "DE", "JP", "US", "KW")
        ),
    }
    return RuleSet(DAY, EXCHANGE, **{**defaults, **tables})


def line(line_id: int = 1, sku: str = "SHIRT", quantity: int = 1, unit_price: int = 10_000, **fields) -> Line:
    default = {"weight_g": 500, "hs_code": "610910", "origin": "PT", "available": BOTH}
    return Line(line_id, sku, quantity, unit_price, **{**default, **fields})


def cost(
    *lines: Line,
    to: str = "NL",
    currency: str = "EUR",
    incoterm: str = DDP,
    method: str = "standard",
    warehouses: tuple[Warehouse, ...] = (TYO,),
    rules: RuleSet | None = None,
) -> LandedCost:
    destination = Destination(to, currency, incoterm, method)
    return landed_cost(lines or (line(),), to=destination, warehouses=warehouses, rules=rules or book())


def amounts(answer: LandedCost) -> dict[str, int]:
    return {charge.kind: charge.amount for charge in answer.charges}
