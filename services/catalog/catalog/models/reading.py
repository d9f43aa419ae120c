"""How shoppers' pages are read: few statements, however long the page."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Exists, F, FilteredRelation, OuterRef, Prefetch, Q, Subquery, Sum
from django.db.models.functions import Coalesce


class ProductQuerySet(models.QuerySet):
    def in_language(self, language: str) -> ProductQuerySet:
        """Each with `title` and `description` in this language, else in English, which every product has."""
        own = FilteredRelation("texts", condition=Q(texts__language=language))
        english = FilteredRelation("texts", condition=Q(texts__language="en"))
        return self.annotate(own=own, english=english).annotate(
            title=Coalesce(F("own__title"), F("english__title")),
            description=Coalesce(F("own__description"), F("english__description")),
        )

    def listed(self, currency: str) -> ProductQuerySet:
        """What is for sale in this currency, each with its price range."""
        return self.filter(status="active", price_ranges__currency=currency).annotate(
            lowest_minor=F("price_ranges__lowest_minor"),
            highest_minor=F("price_ranges__highest_minor"),
            tax_included_country=F("price_ranges__tax_included_country"),
        )

    def with_stock(self) -> ProductQuerySet:
        """Each with `in_stock`: whether any variant can be bought."""
        from catalog.models.stock import Stock

        buyable = Stock.objects.available().filter(variant__product=OuterRef("pk"), variant__active=True)
        return self.annotate(in_stock=Exists(buyable))

    def with_pictures(self) -> ProductQuerySet:
        """Each with its `pictures` in order and its category; one statement more."""
        from catalog.models.products import Media

        pictures = Prefetch("media", queryset=Media.objects.order_by("position", "pk"), to_attr="pictures")
        return self.select_related("category").prefetch_related(pictures)

    def in_brief(self) -> ProductQuerySet:
        """Each with its English title, category and SKUs; two statements, however many products."""
        from catalog.models.products import Variant

        variants = Prefetch("variants", queryset=Variant.objects.order_by("position", "sku"))
        return self.in_language("en").select_related("category").prefetch_related(variants)

    def whole(self) -> ProductQuerySet:
        """Each with all that staff see of it; six statements, however many products."""
        from catalog.models.products import Variant

        variants = Prefetch("variants", queryset=Variant.objects.order_by("position", "sku"))
        return self.with_pictures().prefetch_related("texts", "restrictions", variants, "variants__prices")

    def on_shelf(self, path: str) -> ProductQuerySet:
        return self.filter(category__path__startswith=path)

    def sold_to(self, country: str) -> ProductQuerySet:
        """Without what may not be sold to this country."""
        from catalog.models.products import Restriction

        return self.exclude(Exists(Restriction.objects.filter(country=country, product=OuterRef("pk"))))

    def with_facet(self, name: str, value: str) -> ProductQuerySet:
        from catalog.models.products import ProductFacet

        return self.filter(Exists(ProductFacet.objects.filter(name=name, value=value, product=OuterRef("pk"))))

    def matching(self, words: list[str]) -> ProductQuerySet:
        """What has all of these words, folded as `search` is, in any of its texts."""
        return self.filter(*(Q(search__contains=word) for word in words))

    def facet_counts(self) -> list[dict[str, Any]]:
        """By attribute, how many of these products have which value, most frequent first."""
        from catalog.models.products import ProductFacet

        counted = ProductFacet.objects.filter(product__in=self.order_by().values("pk"))
        rows = counted.values("name", "value").annotate(count=models.Count("pk")).order_by("name", "-count", "value")
        facets: dict[str, list] = {}
        for row in rows:
            facets.setdefault(row["name"], []).append({"value": row["value"], "count": row["count"]})
        return [{"name": name, "values": values} for name, values in facets.items()]


class VariantQuerySet(models.QuerySet):
    def priced(self, currency: str) -> VariantQuerySet:
        """For sale, each with `amount_minor` (None: not sold in this currency) and how many are `available`."""
        from catalog.models.stock import Stock

        listed = FilteredRelation("prices", condition=Q(prices__currency=currency))
        free = Sum(F("on_hand") - F("held") - F("committed"))
        units = Stock.objects.filter(variant=OuterRef("pk")).values("variant").annotate(free=free).values("free")
        return (
            self.filter(active=True)
            .annotate(listed=listed)
            .annotate(
                amount_minor=F("listed__amount_minor"),
                tax_included_country=F("listed__tax_included_country"),
                available=Subquery(units),
            )
            .order_by("position", "sku")
        )
