"""Asking what a delivery costs to the door, and keeping the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis.problems import NotFound, Problem, Unprocessable
from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import get_language

from orders.domain import consignments
from orders.domain.consignments import DAP, DDP, Destination, LandedCost, Line, LineCost, Step, Unquotable, Warehouse
from orders.domain.landed_cost import landed_cost
from orders.domain.owner import Owner
from orders.domain.returns import Terms, terms_of
from orders.domain.rules import ReturnPolicy, RuleSet
from orders.landed_cost_rules import rules_for, shipping_rates_to
from orders.models import Cart, CartItem, Quote, SellableItem, StockLevel
from orders.use_cases import coupons
from orders.use_cases.items import price_in


def make_quotes(*, owner: Owner, wanted: dict[str, Any], now: datetime) -> tuple[list[Quote], list[dict]]:
    """The quotes asked for, stored, and (asked for both Incoterms) those that cannot be given, with reasons.

    `wanted` is the parsed request. Raises NotFound, Problem: `empty_cart`, `unknown_sku`, `currency_not_served`,
    `country_not_served`; Unprocessable `unquotable` with a reason per line when no quote can be given, and `coupon_...`
    when the cart's coupon takes nothing off.
    """
    cart, quantities = _contents(owner, wanted)
    items = SellableItem.objects.in_bulk(quantities)
    lines, warehouses = _lines(quantities, items, wanted["currency"])
    if cart is not None and cart.coupon_code:
        lines = _discounted(lines, cart.coupon_code, wanted["currency"], now)
    country = wanted["ship_to"]["country"]
    rules = rules_for(country=country, lines=lines, day=now.date())
    if rules.territory(country) is None:
        raise Problem("country_not_served", f"We do not deliver to {country}; GET /api/v1/markets lists where we do.")
    made: list[Quote] = []
    refused: list[dict[str, Any]] = []
    for incoterm in [DDP, DAP] if wanted["incoterm"] == "both" else [wanted["incoterm"]]:
        try:
            cost = _best(lines, warehouses, rules, wanted, incoterm)
            _refuse_if_free(cost)
        except Unquotable as refusal:
            refused.append({"incoterm": incoterm, "errors": list(_errors(refusal))})
            continue
        made.append(_quote(cost, items, rules, cart=cart, owner=owner, wanted=wanted, now=now))
    if not made:
        raise Unprocessable("unquotable", "No quote can be given; each error says why.", errors=refused[0]["errors"])
    Quote.objects.bulk_create(made)  # one INSERT; checkout compares the cart's version with the quote's
    return made, refused


def shipping_methods(*, ship_to: str, now: datetime) -> list[dict[str, Any]]:
    """The methods that reach a country, each with its weight bands; amounts in major units of their currency."""
    methods: dict[tuple[str, str], dict[str, Any]] = {}
    for rate in shipping_rates_to(ship_to, day=now.date()):
        method = methods.setdefault(
            (rate.method, rate.origin),
            {
                "code": rate.method,
                "name": rate.method_name,
                "origin": rate.origin,
                "duties_paid": rate.duties_paid,
                "delivery_days": [rate.min_days, rate.max_days],
                "bands": [],
            },
        )
        method["bands"].append({"up_to_g": rate.up_to_g, "amount": str(rate.amount), "currency": rate.currency})
    return list(methods.values())


def _contents(owner: Owner, wanted: dict[str, Any]) -> tuple[Cart | None, dict[str, int]]:
    if "items" in wanted:
        return None, {item["sku"]: item["quantity"] for item in wanted["items"]}
    mine = {f"cart__{name}": value for name, value in owner.fields().items()}
    rows = [] if owner.is_nobody else list(_rows(wanted["cart_id"]).filter(**mine))
    if rows and rows[0].cart.is_open:
        return rows[0].cart, {row.sku: row.quantity for row in rows}
    if not owner.is_nobody and Cart.objects.filter(pk=wanted["cart_id"], open_owner=owner.key).exists():
        raise Problem("empty_cart", "The cart is empty. Put something into it first.")
    raise NotFound("There is no such open cart, or it is not yours.")


def _rows(cart_id: UUID) -> QuerySet[CartItem]:
    """A cart with its items in one statement, so that version and contents are of one moment without a lock."""
    return CartItem.objects.select_related("cart").filter(cart_id=cart_id).order_by("pk")


def _lines(
    quantities: dict[str, int], items: dict[str, SellableItem], currency: str
) -> tuple[list[Line], list[Warehouse]]:
    levels = StockLevel.objects.in_bulk(quantities)
    countries: dict[str, str] = {}
    lines = []
    for line_id, (sku, quantity) in enumerate(quantities.items(), start=1):
        item = items.get(sku)
        if item is None or not item.active:
            raise Problem("unknown_sku", f"We do not sell {sku!r}.")
        stocks = levels[sku].warehouses if sku in levels else []
        countries |= {stock["code"]: stock["country"] for stock in stocks}
        price = price_in(item, currency)
        lines.append(
            Line(
                line_id=line_id,
                sku=sku,
                quantity=quantity,
                unit_price=price["amount_minor"],
                weight_g=item.weight_g,
                tax_included_country=price["tax_included_country"],
                hs_code=item.hs_code,
                origin=item.origin,
                proof_of_origin=item.proof_of_origin,
                duty_units={unit: Decimal(measure) for unit, measure in item.duty_units.items()},
                restrictions={entry["country"]: entry["reason"] for entry in item.restrictions},
                available={stock["code"]: stock["available"] for stock in stocks},
            )
        )
    return lines, [Warehouse(code, country) for code, country in sorted(countries.items())]


def _discounted(lines: list[Line], code: str, currency: str, now: datetime) -> list[Line]:
    """The lines less the cart's coupon: before duty and tax, so that these are reckoned on what is really paid."""
    values = [line.unit_price * line.quantity for line in lines]
    off, label = coupons.discounts(code=code, values=values, currency=currency, now=now)
    return [replace(line, discount=discount, discount_label=label) for line, discount in zip(lines, off, strict=True)]


def _best(
    lines: list[Line], warehouses: list[Warehouse], rules: RuleSet, wanted: dict[str, Any], incoterm: str
) -> LandedCost:
    """By the method asked for, else by the one that is cheapest to the door."""
    country, currency = wanted["ship_to"]["country"], wanted["currency"]
    offered = sorted({rate.method for rate in rules.shipping})
    methods = [wanted["shipping_method"]] if "shipping_method" in wanted else offered or [""]
    costs, refusals = [], []
    for method in methods:
        try:
            destination = Destination(country, currency, incoterm, method)
            costs.append(landed_cost(lines, to=destination, warehouses=warehouses, rules=rules))
        except Unquotable as refusal:
            refusals.append(refusal)
    if not costs:  # a reason that names a line says more than "this method does not go there"
        raise next((each for each in refusals if any(problem.line_id for problem in each.problems)), refusals[0])
    return min(costs, key=lambda cost: (cost.to_the_door, cost.destination.shipping_method))


def _refuse_if_free(cost: LandedCost) -> None:
    """An order is confirmed by a payment, and nobody can authorise nothing."""
    if cost.total == 0:
        detail = "Nothing would be left to pay. Take the coupon out of the cart, or put more into it."
        raise Unquotable(consignments.Problem("nothing_to_pay", detail))


def _errors(refusal: Unquotable) -> Iterator[dict[str, str]]:
    for problem in refusal.problems:
        pointer = f"#/lines/{problem.line_id}" if problem.line_id else "#"
        yield {"pointer": pointer, "code": problem.code, "detail": problem.detail}


def _quote(
    cost: LandedCost,
    items: dict[str, SellableItem],
    rules: RuleSet,
    *,
    cart: Cart | None,
    owner: Owner,
    wanted: dict[str, Any],
    now: datetime,
) -> Quote:
    return Quote(
        **owner.fields(),
        cart=cart,
        cart_version=cart.version if cart else None,
        ship_to=wanted["ship_to"],
        currency=wanted["currency"],
        incoterm=cost.destination.incoterm,
        shipping_method=cost.destination.shipping_method,
        lines=[_line(line, items[line.sku], wanted["currency"]) for line in cost.lines],
        charges=[{"kind": each.kind, "amount_minor": each.amount, "collect": each.collect} for each in cost.charges],
        rates=[
            {"currency": rate.currency, "per_euro": str(rate.per_euro), "day": str(rate.day), "source": rate.source}
            for rate in cost.exchange_rates
        ],
        total_minor=cost.total,
        coupon_code=cart.coupon_code if cart else None,
        return_terms=_return_terms(rules.return_policy(cost.destination.country)),
        delivery_days=[cost.min_days, cost.max_days],
        created_at=now,
        expires_at=now + timedelta(minutes=settings.QUOTE_TTL_MINUTES),
    )


def _line(line: LineCost, item: SellableItem, currency: str) -> dict[str, Any]:
    """A stored line; insurance is kept with the freight, fees with the duty."""
    price = item.price(currency)
    return {
        "line_id": line.line_id,
        "sku": line.sku,
        "title": item.title(get_language() or "en"),
        "quantity": line.quantity,
        "warehouse": line.warehouse,
        "unit_price_minor": price["amount_minor"] if price else 0,
        "hs_code": item.hs_code,
        "origin": item.origin,
        "weight_g": item.weight_g * line.quantity,
        "customs_value_minor": line.customs_value,
        "goods_minor": line.goods + line.discount,
        "discount_minor": line.discount,
        "freight_minor": line.freight + line.insurance,
        "duty_minor": line.duty + line.fee,
        "tax_minor": line.tax,
        "explained": [_explained(step) for step in line.steps],
    }


def _return_terms(policy: ReturnPolicy | None) -> dict[str, Any]:
    """What the buyer is promised for sending goods back, and by which rule; it holds whatever changes later."""
    explained: dict[str, Any] = {"rule": "", "rule_id": "", "version": None, "source": "", "source_date": None}
    terms = Terms()
    if policy is not None:
        terms = terms_of(window_days=policy.window_days, freight=policy.freight, duty=policy.duty)
        explained = {
            "rule": "ReturnPolicy",
            "rule_id": policy.id,
            "version": policy.version,
            "source": policy.source,
            "source_date": policy.source_date.isoformat(),
        }
    return {"window_days": terms.window_days, "refunds": list(terms.parts), **explained}


def _explained(step: Step) -> dict[str, Any]:
    return {
        "kind": step.kind,
        "label": step.label,
        "amount_minor": step.amount,
        "base_minor": step.base,
        "expression": step.expression,
        "rule": step.rule,
        "rule_id": step.rule_id,
        "version": step.version,
        "valid_from": step.valid_from.isoformat() if step.valid_from else None,
        "source": step.source,
        "source_date": step.source_date.isoformat() if step.source_date else None,
    }
