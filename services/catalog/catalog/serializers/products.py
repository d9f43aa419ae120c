"""The catalogue as shoppers ask for it and see it."""

from __future__ import annotations

from typing import Any

from babel import Locale
from chassis.fields import CountryField, CurrencyField, MoneySchema, StrictSerializer, money
from chassis.pages import PageQuery
from django.conf import settings
from django.utils.translation import get_language
from rest_framework import serializers

from catalog.domain.markets import DEFAULT_CURRENCY, MARKETS
from catalog.models import Category, Media, Product, Variant
from catalog.models.products import in_language

SHOWN_UNITS = 10  # enough to buy, not enough to learn how much we sell
SORTS = {
    "newest": ("-created_at", "-id"),
    "price": ("lowest_minor", "id"),
    "-price": ("-lowest_minor", "-id"),
    "title": ("title", "id"),
}
AMOUNT: dict[str, Any] = {"min_value": 0, "max_value": 10**12, "required": False}


class ProductQuery(PageQuery):
    """Beside these, `attr_<name>=<value>` filters by an attribute or option, such as `attr_colour=black`."""

    q = serializers.CharField(required=False, max_length=100, help_text="Words that must all occur.")
    category = serializers.SlugField(required=False, max_length=60, help_text="A category, with all below it.")
    currency = CurrencyField(default=DEFAULT_CURRENCY)
    price_gte = serializers.IntegerField(**AMOUNT, help_text="In minor units of the currency.")
    price_lte = serializers.IntegerField(**AMOUNT, help_text="In minor units of the currency.")
    ship_to = CountryField(required=False, help_text="Leaves out what may not be sold there.")
    in_stock = serializers.BooleanField(required=False, default=False, help_text="Only what can be bought now.")
    sort = serializers.ChoiceField(choices=sorted(SORTS), default="newest")
    include = serializers.ChoiceField(choices=["facets"], required=False)


class ProductDetailQuery(StrictSerializer):
    currency = CurrencyField(default=DEFAULT_CURRENCY)
    ship_to = CountryField(required=False, help_text="Says whether it may be sold there.")


class CategoryRefSchema(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()


class PictureSchema(serializers.Serializer):
    url = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    alt = serializers.CharField(allow_blank=True)


class ProductSummarySchema(serializers.Serializer):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    brand = serializers.CharField(allow_blank=True)
    category = CategoryRefSchema()
    price_from = MoneySchema()
    price_to = MoneySchema()
    tax_included_country = serializers.CharField(allow_null=True)
    in_stock = serializers.BooleanField()
    picture = PictureSchema(allow_null=True)


class FacetValueSchema(serializers.Serializer):
    value = serializers.CharField()
    count = serializers.IntegerField()


class FacetSchema(serializers.Serializer):
    name = serializers.CharField()
    values = FacetValueSchema(many=True)  # type: ignore[assignment]


class ProductPageSchema(serializers.Serializer):
    data = ProductSummarySchema(many=True)  # type: ignore[assignment]
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()
    facets = FacetSchema(many=True, required=False)


class VariantSchema(serializers.Serializer):
    sku = serializers.CharField()
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    options = serializers.DictField(child=serializers.CharField())
    price = MoneySchema(allow_null=True)
    tax_included_country = serializers.CharField(allow_null=True)
    in_stock = serializers.BooleanField()
    available = serializers.IntegerField(help_text=f"Units that can be bought; more than {SHOWN_UNITS} are not told.")
    weight_g = serializers.IntegerField()
    hs_code = serializers.CharField(allow_null=True)
    origin = serializers.CharField(allow_null=True)


class ShipToSchema(serializers.Serializer):
    country = serializers.CharField()
    allowed = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)


class ProductSchema(serializers.Serializer):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    brand = serializers.CharField(allow_blank=True)
    category = CategoryRefSchema()
    attributes = serializers.DictField(child=serializers.CharField())
    variants = VariantSchema(many=True)
    media = PictureSchema(many=True)
    ship_to = ShipToSchema(allow_null=True)


class CategorySchema(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()
    children = serializers.ListField(child=serializers.DictField(), help_text="Categories, each like this one.")


class CategoryTreeSchema(serializers.Serializer):
    data = CategorySchema(many=True)  # type: ignore[assignment]


class MarketSchema(serializers.Serializer):
    country = serializers.CharField()
    name = serializers.CharField()
    currencies = serializers.ListField(child=serializers.CharField())
    languages = serializers.ListField(child=serializers.CharField())


class MarketsSchema(serializers.Serializer):
    data = MarketSchema(many=True)  # type: ignore[assignment]


def render_summary(product: Product, currency: str) -> dict[str, Any]:
    """A product as `Product.objects.listed` annotated it."""
    return {
        "id": str(product.id),
        "slug": product.slug,
        "title": product.title,
        "brand": product.brand,
        "category": _category(product.category),
        "price_from": money(product.lowest_minor, currency),
        "price_to": money(product.highest_minor, currency),
        "tax_included_country": product.tax_included_country,
        "in_stock": product.in_stock,
        "picture": next((render_picture(media) for media in product.pictures[:1]), None),
    }


def render_product(product: Product, variants: list[Variant], currency: str, ship_to: str | None) -> dict[str, Any]:
    """A product as `Product.objects.shown` annotated it, with its variants as `Variant.objects.priced` did."""
    return {
        "id": str(product.id),
        "slug": product.slug,
        "title": product.title,
        "description": product.description,
        "brand": product.brand,
        "category": _category(product.category),
        "attributes": {name: str(value) for name, value in product.attributes.items()},
        "variants": [_variant(variant, currency) for variant in variants],
        "media": [render_picture(media) for media in product.pictures],
        "ship_to": _ship_to(product, ship_to) if ship_to else None,
    }


def render_picture(media: Media) -> dict[str, Any]:
    return {
        "url": f"{settings.PUBLIC_URL}{settings.MEDIA_URL}{media.file.name}",
        "width": media.width,
        "height": media.height,
        "alt": in_language(media.alt, get_language() or "en"),
    }


def render_tree(categories: list[Category]) -> list[dict[str, Any]]:
    """The categories (in display order) as nested nodes."""
    nodes = {each.pk: {**_category(each), "children": []} for each in categories}
    roots: list[dict[str, Any]] = []
    for each in categories:
        siblings = nodes[each.parent_id]["children"] if each.parent_id else roots
        siblings.append(nodes[each.pk])
    return roots


def render_markets() -> list[dict[str, Any]]:
    territories = Locale.parse(get_language() or "en").territories
    return [
        {
            "country": market.country,
            "name": territories[market.country],
            "currencies": list(market.currencies),
            "languages": list(market.languages),
        }
        for market in MARKETS
    ]


def _variant(variant: Variant, currency: str) -> dict[str, Any]:
    available = max(variant.available or 0, 0)
    return {
        "sku": variant.sku,
        "label": in_language(variant.labels, get_language() or "en"),
        "options": variant.options,
        "price": money(variant.amount_minor, currency) if variant.amount_minor is not None else None,
        "tax_included_country": variant.tax_included_country,
        "in_stock": available > 0,
        "available": min(available, SHOWN_UNITS),
        "weight_g": variant.weight_g,
        "hs_code": variant.hs_code,
        "origin": variant.origin,
    }


def _ship_to(product: Product, country: str) -> dict[str, Any]:
    reason = next((each.reason for each in product.restrictions.all() if each.country == country), None)
    return {"country": country, "allowed": reason is None, "reason": reason}


def _category(category: Category) -> dict[str, Any]:
    return {"slug": category.slug, "name": in_language(category.names, get_language() or "en")}
