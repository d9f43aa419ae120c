"""The landed cost of lines to a country: goods, freight, duty, fees and tax, each amount with the rule behind it.

Amounts are minor units of the destination's currency, rounded half-up line by line and rule by rule. Everything comes
in as an argument; the same arguments give the same answer.
"""

from collections.abc import Iterator, Sequence

from .consignments import (
    CHECKOUT,
    DAP,
    DDP,
    DELIVERY,
    Charge,
    Destination,
    LandedCost,
    Levies,
    Levy,
    Line,
    LineCost,
    Price,
    Problem,
    Unquotable,
    Warehouse,
)
from .levies import domestic_levies, import_levies, territory_of
from .money import ExchangeRate, NoExchangeRate, rounding_to_step
from .pricing import prices
from .rules import RuleSet, ShippingRate

KINDS = ("goods", "discount", "freight", "insurance", "duty", "fee", "tax")


def landed_cost(
    lines: Sequence[Line], *, to: Destination, warehouses: Sequence[Warehouse], rules: RuleSet
) -> LandedCost:
    """The cost from the warehouse that serves best: one that has everything; the destination's country first, else the
    lowest cost to the door; ties by code.

    Raises Unquotable with every reason: nothing in stock together, a restriction, a rule or a measure that is missing.
    """
    if refused := tuple(_restrictions(lines, to.country)):
        raise Unquotable(*refused)
    able = [warehouse for warehouse in warehouses if not shortages(lines, warehouse)]
    if not able:
        raise Unquotable(*_out_of_stock(lines, warehouses))
    answers, refusals = [], []
    for warehouse in [warehouse for warehouse in able if warehouse.country == to.country] or able:
        try:
            answers.append(cost_from(warehouse, lines, to=to, rules=rules))
        except Unquotable as refusal:
            refusals.append(refusal)
    if not answers:
        raise refusals[0]
    return min(answers, key=lambda answer: (answer.to_the_door, answer.warehouse.code))


def cost_from(warehouse: Warehouse, lines: Sequence[Line], *, to: Destination, rules: RuleSet) -> LandedCost:
    """The cost from this warehouse, as one consignment; inside one customs territory there is no duty.

    Raises Unquotable.
    """
    if to.incoterm not in {DDP, DAP}:
        raise ValueError(f"{to.incoterm!r} is not an Incoterm that is offered")
    territory_of(to, rules)
    imported = rules.union_of(warehouse.country) != rules.union_of(to.country)
    shipping = _shipping(warehouse, lines, to, rules, imported=imported)
    try:
        asked = prices(lines, currency=to.currency, shipping=shipping, rules=rules)
        levies = (import_levies if imported else domestic_levies)(lines, asked, to=to, rules=rules)
    except NoExchangeRate as missing:
        raise Unquotable(Problem("no_exchange_rate", str(missing))) from missing
    costs = tuple(
        _line_cost(line, price, levy, warehouse) for line, price, levy in zip(lines, asked, levies.by_line, strict=True)
    )
    return LandedCost(
        destination=to,
        warehouse=warehouse,
        lines=costs,
        charges=tuple(_charges(costs, levies, to)),
        schemes=levies.schemes,
        exchange_rates=_rates_used(costs, to, rules),
        min_days=shipping.min_days,
        max_days=shipping.max_days,
    )


def shortages(lines: Sequence[Line], warehouse: Warehouse) -> list[tuple[str, int, int]]:
    """Of which SKUs the warehouse has too little: (sku, requested over all lines, available)."""
    asked: dict[str, int] = {}
    for line in lines:
        asked[line.sku] = asked.get(line.sku, 0) + line.quantity
    there = {line.sku: line.available.get(warehouse.code, 0) for line in lines}
    return [(sku, quantity, there[sku]) for sku, quantity in asked.items() if there[sku] < quantity]


def _out_of_stock(lines: Sequence[Line], warehouses: Sequence[Warehouse]) -> Iterator[Problem]:
    """What the warehouse that comes nearest lacks."""
    nearest = min((shortages(lines, warehouse) for warehouse in warehouses), key=len, default=[])
    for sku, requested, available in nearest:
        line_id = next(line.line_id for line in lines if line.sku == sku)
        yield Problem("out_of_stock", f"{sku}: {requested} requested, {available} available", line_id)
    if not nearest:
        yield Problem("out_of_stock", "there is no warehouse")


def _restrictions(lines: Sequence[Line], country: str) -> Iterator[Problem]:
    for line in lines:
        if country in line.restrictions:
            yield Problem("restricted", f"{line.sku}: {line.restrictions[country]}", line.line_id)


def _shipping(
    warehouse: Warehouse, lines: Sequence[Line], to: Destination, rules: RuleSet, *, imported: bool
) -> ShippingRate:
    weight_g = sum(line.billable_g for line in lines)
    rate = rules.shipping_rate(to.shipping_method, warehouse.country, to.country, weight_g)
    if rate is None:
        detail = f"{to.shipping_method} does not carry {weight_g} g from {warehouse.country} to {to.country}"
        raise Unquotable(Problem("no_shipping", detail))
    if imported and to.incoterm == DDP and not rate.duties_paid:
        raise Unquotable(Problem("ddp_not_offered", f"{to.shipping_method} does not deliver duties paid"))
    return rate


def _line_cost(line: Line, price: Price, levy: Levy, warehouse: Warehouse) -> LineCost:
    return LineCost(
        line_id=line.line_id,
        sku=line.sku,
        quantity=line.quantity,
        warehouse=warehouse.code,
        goods=price.goods,
        discount=price.discount,
        freight=price.freight,
        insurance=price.insurance,
        customs_value=levy.customs_value,
        duty=levy.duty,
        fee=levy.fee,
        tax=levy.tax,
        steps=price.steps + levy.steps,
    )


def _charges(costs: Sequence[LineCost], levies: Levies, to: Destination) -> Iterator[Charge]:
    """One charge per kind that is not zero, goods always; then what rounds the total to the currency's step."""
    at_the_door = DELIVERY if to.incoterm == DAP else CHECKOUT
    collect = {"duty": at_the_door, "fee": at_the_door, "tax": levies.tax_collect or at_the_door}
    total = 0
    for kind in KINDS:
        amount = sum(getattr(cost, kind) for cost in costs)
        if amount or kind == "goods":
            yield Charge(kind, amount, collect.get(kind, CHECKOUT))
            total += amount if collect.get(kind, CHECKOUT) == CHECKOUT else 0
    if rounding := rounding_to_step(total, to.currency):
        yield Charge("rounding", rounding, CHECKOUT)


def _rates_used(costs: Sequence[LineCost], to: Destination, rules: RuleSet) -> tuple[ExchangeRate, ...]:
    """The rates that converted something: none when every rule is stated in the quote's own currency."""
    foreign = {currency for cost in costs for step in cost.steps for currency in step.currencies} - {to.currency}
    used = sorted(foreign | {to.currency}) if foreign else []
    return tuple(rules.exchange.rows[currency] for currency in used if currency in rules.exchange.rows)
