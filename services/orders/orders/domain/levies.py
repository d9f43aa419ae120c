"""What states and carriers take on a consignment: duty by layer, fees, and tax; at the border or within it."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from .consignments import CHECKOUT, Destination, Levies, Levy, Line, Price, Problem, Step, Unquotable
from .duty_expressions import Goods, InvalidExpression, MissingUnit, currencies, duty
from .money import allocate, half_up
from .rules import BASE, CIF, FLAT_PER_HS6, PREFERENTIAL, SELLER_COLLECTS, ZERO, DeMinimis, DutyRate, RuleSet, Territory

Shared = tuple[list[int], list[list[Step]]]  # an amount and its steps, line by line


def domestic_levies(lines: Sequence[Line], prices: Sequence[Price], *, to: Destination, rules: RuleSet) -> Levies:
    """No border of customs is crossed: the destination's own tax, and nothing else.

    A price that includes the destination's tax shows just that; all other tax is reckoned on what is asked without it.
    """
    levies = []
    for line, price in zip(lines, prices, strict=True):
        shown = price.included_tax if line.tax_included_country == to.country else None
        base = price.cif if shown is None else price.cif - price.value
        tax, steps = _tax(line, base, to, rules)
        if shown is not None:
            steps = [Step("tax", f"Tax of {to.country} that the price includes", shown), *(steps if base else [])]
        levies.append(Levy(tax=tax + (shown or 0), steps=tuple(steps)))
    return Levies(tuple(levies), tax_collect=CHECKOUT)


def import_levies(lines: Sequence[Line], prices: Sequence[Price], *, to: Destination, rules: RuleSet) -> Levies:
    """Duty, fees and tax of one consignment that enters the destination's customs territory.

    Raises Unquotable with a problem for every line whose duty or tax cannot be known; NoExchangeRate.
    """
    basis = territory_of(to, rules).customs_value
    values = [price.cif if basis == CIF else price.value for price in prices]
    relief = {charge: _scheme(charge, {ZERO, FLAT_PER_HS6}, prices, to, rules) for charge in ("duty", "tax")}
    collector = _scheme("tax", {SELLER_COLLECTS}, prices, to, rules)
    duties, duty_steps = _duties(lines, values, relief["duty"], to, rules)
    fees, fee_steps, taxed_fees = _fees(prices, to, rules)
    levies = []
    for i, (line, price) in enumerate(zip(lines, prices, strict=True)):
        if relief["tax"] and relief["tax"].helps(line.hs_code):
            tax, tax_steps = 0, [_relieved("tax", relief["tax"])]
        else:
            tax, tax_steps = _tax(line, price.cif + duties[i] + taxed_fees[i], to, rules)
        levies.append(Levy(tax, values[i], duties[i], fees[i], (*duty_steps[i], *fee_steps[i], *tax_steps)))
    applied = dict.fromkeys(row.scheme for row in (*relief.values(), collector) if row)
    return Levies(tuple(levies), tuple(applied), CHECKOUT if collector else None)


def territory_of(to: Destination, rules: RuleSet) -> Territory:
    """The customs rules of the destination. Raises Unquotable when there are none."""
    territory = rules.territory(to.country)
    if territory is None:
        raise Unquotable(Problem("unknown_destination", f"there are no customs rules for {to.country}"))
    return territory


def _scheme(
    charge: str, effects: set[str], prices: Sequence[Price], to: Destination, rules: RuleSet
) -> DeMinimis | None:
    """The newest scheme with one of the effects whose threshold the consignment is within."""
    for row in rules.thresholds(to.country, charge):
        if row.effect in effects:
            measured = sum(price.cif if row.measure == "cif" else price.value for price in prices)
            if row.covers(rules.exchange.major(measured, to.currency, row.currency)):
                return row
    return None


def _duties(
    lines: Sequence[Line], values: Sequence[int], relief: DeMinimis | None, to: Destination, rules: RuleSet
) -> Shared:
    amounts = [0] * len(lines)
    steps: list[list[Step]] = [[] for _ in lines]
    problems: list[Problem] = []
    helped = [i for i, line in enumerate(lines) if relief and relief.helps(line.hs_code)]
    if relief and relief.effect == FLAT_PER_HS6:
        amounts, steps = _flat_duties(lines, values, helped, relief, to, rules)
    for i, line in enumerate(lines):
        if relief and i in helped:
            steps[i] = steps[i] or [_relieved("duty", relief)]
            continue
        try:
            steps[i] = list(_line_duties(line, values[i], to, rules))
            amounts[i] = sum(step.amount for step in steps[i])
        except Unquotable as refusal:
            problems += refusal.problems
    if problems:
        raise Unquotable(*problems)
    return amounts, steps


def _flat_duties(
    lines: Sequence[Line], values: Sequence[int], helped: list[int], flat: DeMinimis, to: Destination, rules: RuleSet
) -> Shared:
    """A flat amount for each distinct HS6, shared by value among the lines of that HS6."""
    amounts = [0] * len(lines)
    steps: list[list[Step]] = [[] for _ in lines]
    each = rules.exchange.of_major(flat.flat_amount or Decimal(0), flat.currency, to.currency)
    for hs6 in dict.fromkeys(_hs_code(lines[i])[:6] for i in helped):
        same = [i for i in helped if _hs_code(lines[i])[:6] == hs6]
        expression = f"{flat.flat_amount:f} {flat.currency} per distinct HS6"
        for i, share in zip(same, allocate(each, [values[i] for i in same]), strict=True):
            amounts[i] = share
            label = f"{flat.scheme}: flat duty of HS {hs6}"
            steps[i] = [Step.by(flat, "duty", label, share, expression=expression, currencies=(flat.currency,))]
    return amounts, steps


def _line_duties(line: Line, value: int, to: Destination, rules: RuleSet) -> Iterator[Step]:
    """A step for the base or preferential duty and for each additional one."""
    code = _hs_code(line)
    main = rules.duty_rate(to.country, code, line.origin, PREFERENTIAL) if line.proof_of_origin else None
    main = main or rules.duty_rate(to.country, code, line.origin, BASE)
    if main is None:
        detail = f"{line.sku}: there is no duty rate of {rules.union_of(to.country)} for HS {code}"
        raise Unquotable(Problem("no_duty_rate", detail, line.line_id))
    goods = Goods(value, line.measures, lambda minor, currency: rules.exchange.exact(minor, currency, to.currency))
    for row in (main, *rules.additional_duties(to.country, code, line.origin)):
        if not row.expression:
            detail = f"{line.sku}: the duty on HS {row.hs_prefix} is published in words, a person has to reckon it"
            raise Unquotable(Problem("no_expression", detail, line.line_id))
        try:
            amount = half_up(duty(row.expression, goods))
        except (MissingUnit, InvalidExpression) as reason:
            raise Unquotable(Problem("no_measure", f"{line.sku}: {reason}", line.line_id)) from reason
        stated_in = currencies(row.expression)
        yield Step.by(row, "duty", _named(row), amount, base=value, expression=row.expression, currencies=stated_in)


def _named(row: DutyRate) -> str:
    origin = f" for origin {row.origin}" if row.origin else ""
    return f"{row.name or row.layer.capitalize()} duty of {row.destination} on HS {row.hs_prefix}{origin}"


def _hs_code(line: Line) -> str:
    if not line.hs_code:
        raise Unquotable(Problem("no_hs_code", f"{line.sku} has no HS code", line.line_id))
    return line.hs_code


def _fees(prices: Sequence[Price], to: Destination, rules: RuleSet) -> tuple[list[int], list[list[Step]], list[int]]:
    """Each line's share by value of the consignment's fees, and what of it is taxed."""
    amounts, taxed = [0] * len(prices), [0] * len(prices)
    steps: list[list[Step]] = [[] for _ in prices]
    for row in rules.fees_for(to.country, to.incoterm):
        whole = rules.exchange.of_major(row.amount, row.currency, to.currency)
        expression = f"{row.amount:f} {row.currency} per consignment"
        for i, share in enumerate(allocate(whole, [price.value for price in prices])):
            amounts[i] += share
            taxed[i] += share if row.taxed else 0
            steps[i].append(Step.by(row, "fee", row.name, share, expression=expression, currencies=(row.currency,)))
    return amounts, steps, taxed


def _tax(line: Line, base: int, to: Destination, rules: RuleSet) -> tuple[int, list[Step]]:
    name = territory_of(to, rules).tax_name
    if not name:
        return 0, []
    row = rules.tax_rate(to.country, line.hs_code)
    if row is None:
        detail = f"{line.sku}: there is no rate of {name} of {to.country}"
        raise Unquotable(Problem("no_tax_rate", detail, line.line_id))
    amount = half_up(base * row.percent / Decimal(100))
    label = f"{name} of {to.country}"
    return amount, [Step.by(row, "tax", label, amount, base=base, expression=f"{row.percent:f}%")]


def _relieved(charge: str, row: DeMinimis) -> Step:
    expression = f"0 when {row.measure} {row.comparison} {row.amount:f} {row.currency}"
    return Step.by(row, charge, row.scheme, 0, expression=expression, currencies=(row.currency,))
