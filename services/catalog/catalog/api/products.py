"""The catalogue over HTTP: what is sold, on which shelf, to where."""

from __future__ import annotations

import re
from uuid import UUID

from chassis.pages import page
from chassis.problems import NotFound, Problem
from chassis.views import View
from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.models import Category, PriceRange, Product
from catalog.models.reading import ProductQuerySet
from catalog.serializers.products import (
    SORTS,
    CategoryTreeSchema,
    MarketsSchema,
    ProductDetailQuery,
    ProductPageSchema,
    ProductQuery,
    ProductSchema,
    render_markets,
    render_product,
    render_summary,
    render_tree,
)
from catalog.use_cases.items import folded

FACET_PARAMETER = re.compile(r"attr_[a-z][a-z0-9_]{0,39}")
MOST_WORDS = 8


class ProductList(View):
    permission_classes = [AllowAny]

    @extend_schema(parameters=[ProductQuery], responses=ProductPageSchema)
    def get(self, request: Request) -> Response:
        """What is for sale, priced in one currency; `attr_<name>=<value>` filters by attribute or option."""
        given = request.query_params.dict()
        wanted = {name: given.pop(name) for name in list(given) if FACET_PARAMETER.fullmatch(name)}
        parsed = ProductQuery(data=given)
        parsed.is_valid(raise_exception=True)
        query, currency = parsed.validated_data, parsed.validated_data["currency"]
        chosen = _filtered(query, wanted)
        shown = chosen.in_language(get_language() or "en").with_stock().with_pictures()
        render = lambda rows: [render_summary(product, currency) for product in rows]  # noqa: E731
        answer = page(shown, order=SORTS[query["sort"]], query=query, render=render)
        if not answer["data"]:
            _refuse_unserved(currency, PriceRange.objects.all())
        if query.get("include") == "facets":
            answer["facets"] = chosen.facet_counts()
        return Response(answer)


class ProductDetail(View):
    permission_classes = [AllowAny]

    @extend_schema(parameters=[ProductDetailQuery], responses=ProductSchema)
    def get(self, request: Request, name: str) -> Response:
        """One product with its variants; by id or by slug."""
        query = self.query(ProductDetailQuery, request)
        currency, ship_to = query["currency"], query.get("ship_to")
        known = Product.objects.filter(status="active", **_id_or_slug(name)).in_language(get_language() or "en")
        product = known.with_pictures().first()
        if product is None:
            raise NotFound("There is no such product.")
        variants = list(product.variants.priced(currency))
        if all(variant.amount_minor is None for variant in variants):
            _refuse_unserved(currency, product.price_ranges.all())
        return Response(render_product(product, variants, currency, ship_to))


class CategoryTree(View):
    permission_classes = [AllowAny]

    @extend_schema(responses=CategoryTreeSchema)
    def get(self, request: Request) -> Response:
        """All shelves, as a tree."""
        return Response({"data": render_tree(list(Category.objects.order_by("position", "pk")))})


class Markets(View):
    permission_classes = [AllowAny]

    @extend_schema(responses=MarketsSchema)
    def get(self, request: Request) -> Response:
        """Where we deliver, with the currencies people buy in and the languages they read."""
        return Response({"data": render_markets()})


def _filtered(query: dict, facets: dict[str, str]) -> ProductQuerySet:
    chosen = Product.objects.listed(query["currency"])
    if "category" in query:
        chosen = chosen.on_shelf(_path(query["category"]))
    if words := folded(query.get("q", "")).split()[:MOST_WORDS]:
        chosen = chosen.matching(words)
    if "price_gte" in query:
        chosen = chosen.filter(highest_minor__gte=query["price_gte"])
    if "price_lte" in query:
        chosen = chosen.filter(lowest_minor__lte=query["price_lte"])
    if "ship_to" in query:
        chosen = chosen.sold_to(query["ship_to"])
    if query["in_stock"]:
        chosen = chosen.with_stock().filter(in_stock=True)
    for name, value in sorted(facets.items()):
        chosen = chosen.with_facet(name.removeprefix("attr_"), value)
    return chosen


def _path(slug: str) -> str:
    path = Category.objects.filter(slug=slug).values_list("path", flat=True).first()
    if path is None:
        detail = "There is no such category; GET /api/v1/categories lists them."
        raise ValidationError({"category": [ErrorDetail(detail, code="unknown_category")]})
    return path


def _refuse_unserved(currency: str, ranges) -> None:
    served = sorted(set(ranges.values_list("currency", flat=True)))
    if served and currency not in served:
        raise Problem(
            "currency_not_served", f"There are no prices in {currency}; served are: {', '.join(served)}.", served=served
        )


def _id_or_slug(name: str) -> dict[str, object]:
    try:
        return {"pk": UUID(name)}
    except ValueError:
        return {"slug": name}
