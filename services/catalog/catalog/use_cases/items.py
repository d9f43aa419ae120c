"""What follows from a product's change: its search words, facets, price ranges, and the snapshots that others read."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from outbox.publishing import publish

from catalog.domain.reservations import DomainEvent
from catalog.models import PriceRange, Product, ProductFacet, Variant
from catalog.models.products import in_language

ACCENTS = range(200, 241)  # combining classes of marks above and below letters
ALL_OF_A_PRODUCT = ("texts", "restrictions", "variants__prices", "category")


def folded(text: str) -> str:
    """Text as search compares it: without case, accents and differences of width; the marks of kana stay."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(character for character in decomposed if unicodedata.combining(character) not in ACCENTS)
    return unicodedata.normalize("NFKC", bare)


def publish_changes(product: Product, skus: Iterable[str] | None = None) -> None:
    """Bring what is derived from a product up to date and publish `item.changed` for `skus` (None: all it has).

    Call it in the transaction of the change, with the product's row locked: then versions and events are in order.
    """
    fresh = Product.objects.prefetch_related(*ALL_OF_A_PRODUCT).get(pk=product.pk)
    variants = sorted(fresh.variants.all(), key=lambda variant: variant.sku)
    fresh.search = _search_words(fresh, variants)
    fresh.version += 1
    fresh.save(update_fields=["search", "version", "updated_at"])
    _replace_facets(fresh, variants)
    _replace_price_ranges(fresh, variants)
    told = variants if skus is None else [variant for variant in variants if variant.sku in set(skus)]
    for variant in told:
        variant.version += 1
    Variant.objects.bulk_update(told, ["version"])
    publish(*(item_changed(fresh, variant) for variant in told))
    product.version = fresh.version


def republish(*, product_id: UUID) -> None:
    """Say again what a product's items are, as new versions of the same content."""
    with transaction.atomic(savepoint=False):
        publish_changes(Product.objects.select_for_update().get(pk=product_id))


def item_changed(product: Product, variant: Variant) -> DomainEvent:
    """The whole snapshot of a SKU, as of its version."""
    data = {
        "sku": variant.sku,
        "version": variant.version,
        "titles": item_titles(product, variant),
        "active": variant.active and product.status == "active",
        "prices": [
            {
                "amount_minor": price.amount_minor,
                "currency": price.currency,
                "tax_included_country": price.tax_included_country,
            }
            for price in sorted(variant.prices.all(), key=lambda price: price.currency)
        ],
        "hs_code": variant.hs_code,
        "origin": variant.origin,
        "proof_of_origin": variant.proof_of_origin,
        "weight_g": variant.weight_g,
        "duty_units": variant.duty_units,
        "restrictions": [
            {"country": restriction.country, "reason": restriction.reason}
            for restriction in sorted(product.restrictions.all(), key=lambda restriction: restriction.country)
        ],
    }
    return DomainEvent("crossborder.item.changed.v1", variant.sku, f"item/{variant.sku}", variant.version, data)


def item_titles(product: Product, variant: Variant) -> dict[str, str]:
    """By language, the product's title and what tells this variant from its siblings."""
    titles = {}
    for text in product.texts.all():
        label = in_language(variant.labels, text.language)
        titles[text.language] = f"{text.title}, {label}" if label else text.title
    return titles or {"en": variant.sku}


def _search_words(product: Product, variants: list[Variant]) -> str:
    words: list[Any] = [product.brand, *product.category.names.values()]
    for text in product.texts.all():
        words += [text.title, text.description]
    for variant in variants:
        words += [variant.sku, *variant.labels.values()]
    return folded("\n".join(dict.fromkeys(words)))


def _replace_facets(product: Product, variants: list[Variant]) -> None:
    described = [product.attributes, *(variant.options for variant in variants if variant.active)]
    pairs = {(name, str(value)) for names in described for name, value in names.items()}
    if product.brand:
        pairs.add(("brand", product.brand))
    known = {(facet.name, facet.value): facet for facet in product.facets.all()}
    ProductFacet.objects.filter(pk__in=[known[pair].pk for pair in known.keys() - pairs]).delete()
    ProductFacet.objects.bulk_create(
        ProductFacet(product=product, name=name, value=value) for name, value in sorted(pairs - known.keys())
    )


def _replace_price_ranges(product: Product, variants: list[Variant]) -> None:
    by_currency: dict[str, list] = {}
    for variant in variants:
        for price in variant.prices.all() if variant.active else []:
            by_currency.setdefault(price.currency, []).append(price)
    ranges = [
        PriceRange(
            product=product,
            currency=currency,
            lowest_minor=min(price.amount_minor for price in prices),
            highest_minor=max(price.amount_minor for price in prices),
            tax_included_country=prices[0].tax_included_country,
        )
        for currency, prices in sorted(by_currency.items())
    ]
    PriceRange.objects.filter(product=product).exclude(currency__in=by_currency).delete()
    PriceRange.objects.bulk_create(
        ranges, update_conflicts=True, update_fields=["lowest_minor", "highest_minor", "tax_included_country"]
    )
