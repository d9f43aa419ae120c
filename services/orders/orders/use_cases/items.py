"""Keeping and reading the read model of sellable items: the newest snapshot wins, in whatever order they come."""

from __future__ import annotations

from typing import Any

from chassis.problems import Problem

from orders.models import SellableItem, StockLevel


def keep_item(*, snapshot: dict[str, Any]) -> None:
    """Replace what is known of a SKU, unless that is as new."""
    names = ("version", "active", "titles", "prices", "hs_code", "origin", "weight_g", "duty_units", "restrictions")
    values = {name: snapshot[name] for name in names}
    _keep(SellableItem, snapshot["sku"], values | {"proof_of_origin": snapshot.get("proof_of_origin", False)})


def keep_level(*, snapshot: dict[str, Any]) -> None:
    """Replace what is known of a SKU's stock, unless that is as new."""
    _keep(StockLevel, snapshot["sku"], {name: snapshot[name] for name in ("version", "warehouses")})


def _keep(model: type[SellableItem] | type[StockLevel], sku: str, values: dict[str, Any]) -> None:
    if model.objects.filter(pk=sku, version__lt=values["version"]).update(**values):
        return
    model.objects.bulk_create([model(sku=sku, **values)], ignore_conflicts=True)  # type: ignore[list-item]


def price_in(item: SellableItem, currency: str) -> dict[str, Any]:
    """The item's price in this currency, or Problem `currency_not_served`."""
    price = item.price(currency)
    if price is None:
        served = ", ".join(sorted(entry["currency"] for entry in item.prices)) or "none"
        raise Problem("currency_not_served", f"{item.sku} has no price in {currency}; it is sold in: {served}.")
    return price
