"""The read model of what can be sold, kept from `stock-events`; every row is catalog's snapshot of some version."""

from __future__ import annotations

from django.db import models

from orders.models.carts import Cart, CartItem


class SellableItemQuerySet(models.QuerySet):
    def in_cart(self, cart: Cart) -> SellableItemQuerySet:
        """What a cart holds, in the order it was put in, each with its `quantity`; one statement."""
        line = CartItem.objects.filter(cart=cart, sku=models.OuterRef("sku"))
        return (
            self.filter(sku__in=cart.items.values("sku"))
            .annotate(quantity=models.Subquery(line.values("quantity")), position=models.Subquery(line.values("pk")))
            .order_by("position")
        )


class SellableItem(models.Model):
    """A SKU as catalog last described it; JSON fields as in the event `item.changed`."""

    sku = models.CharField(max_length=64, primary_key=True, db_collation="utf8mb4_bin")
    version = models.PositiveBigIntegerField()
    active = models.BooleanField()
    titles = models.JSONField()
    prices = models.JSONField()
    hs_code = models.CharField(max_length=10, null=True, blank=True)
    origin = models.CharField(max_length=2, null=True, blank=True)
    proof_of_origin = models.BooleanField(default=False)
    weight_g = models.PositiveIntegerField()
    duty_units = models.JSONField(default=dict)
    restrictions = models.JSONField(default=list)

    objects = SellableItemQuerySet.as_manager()

    def title(self, language: str) -> str:
        """In the language asked for, else in English, else in any."""
        short = language.split("-", maxsplit=1)[0]
        return (
            self.titles.get(language)
            or self.titles.get(short)
            or self.titles.get("en")
            or next(iter(self.titles.values()))
        )

    def price(self, currency: str) -> dict | None:
        return next((price for price in self.prices if price["currency"] == currency), None)

    def restriction(self, country: str) -> str | None:
        """Why it may not be sold to this country, or None."""
        return next((entry["reason"] for entry in self.restrictions if entry["country"] == country), None)


class StockLevel(models.Model):
    """What catalog last said is available, by warehouse; a hint for quotes, only a reservation decides."""

    sku = models.CharField(max_length=64, primary_key=True, db_collation="utf8mb4_bin")
    version = models.PositiveBigIntegerField()
    warehouses = models.JSONField()
