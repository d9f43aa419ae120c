"""What the seller asks, line by line: goods without tax, discount, freight and insurance."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from .consignments import Line, Price, Problem, Step, Unquotable
from .money import allocate, half_up
from .rules import RuleSet, ShippingRate


def prices(lines: Sequence[Line], *, currency: str, shipping: ShippingRate, rules: RuleSet) -> list[Price]:
    """The price of each line in minor units of the currency.

    Freight is shared out by billable weight, insurance by value; each share-out adds up exactly. A listed price that
    includes a country's tax is taken apart at that country's rate. Raises Unquotable, NoExchangeRate.
    """
    goods = [_without_tax(line, line.unit_price * line.quantity, rules) for line in lines]
    values = [_without_tax(line, line.unit_price * line.quantity - line.discount, rules) for line in lines]
    freight = rules.exchange.of_major(shipping.amount, shipping.currency, currency)
    insurance = half_up(sum(values) * shipping.insurance_percent / 100)
    freights = allocate(freight, [line.billable_g for line in lines])
    insurances = allocate(insurance, values)
    return [
        Price(
            goods=goods[i],
            discount=values[i] - goods[i],
            included_tax=line.unit_price * line.quantity - line.discount - values[i],
            freight=freights[i],
            insurance=insurances[i],
            steps=tuple(_steps(line, goods[i], values[i] - goods[i], freights[i], insurances[i], shipping)),
        )
        for i, line in enumerate(lines)
    ]


def _without_tax(line: Line, listed: int, rules: RuleSet) -> int:
    country = line.tax_included_country
    if country is None:
        return listed
    rate = rules.tax_rate(country, line.hs_code)
    if rate is None:
        detail = f"{line.sku}: its price includes a tax of {country} whose rate is not known"
        raise Unquotable(Problem("no_tax_rate", detail, line.line_id))
    return half_up(Decimal(listed) / (1 + rate.percent / 100))


def _steps(
    line: Line, goods: int, discount: int, freight: int, insurance: int, shipping: ShippingRate
) -> Iterator[Step]:
    without = f", without the tax of {line.tax_included_country}" if line.tax_included_country else ""
    yield Step("goods", f"{line.quantity} x {line.sku}{without}", goods)
    if discount:
        yield Step("discount", f"{line.discount_label}{without}", discount)
    expression = f"{shipping.amount:f} {shipping.currency} up to {shipping.up_to_g} g"
    label = f"Share of {shipping.method_name} to zone {shipping.zone}, by weight"
    yield Step.by(shipping, "freight", label, freight, expression=expression, currencies=(shipping.currency,))
    if shipping.insurance_percent:
        expression = f"{shipping.insurance_percent:f}% of the goods"
        yield Step.by(shipping, "insurance", "Share of insurance, by value", insurance, expression=expression)
