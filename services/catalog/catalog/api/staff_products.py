"""Products, variants, prices and pictures over HTTP, for staff."""

from __future__ import annotations

from uuid import UUID

from auth_jwt.permissions import FreshLogin, has_role
from chassis.fields import CurrencyField
from chassis.pages import page
from chassis.problems import NotFound
from chassis.views import View
from chassis.writes import writes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.models import Product, Variant
from catalog.serializers.products import PictureSchema, render_picture
from catalog.serializers.staff import (
    PictureInput,
    PriceInput,
    ProductChange,
    ProductInput,
    StaffProductPageSchema,
    StaffProductQuery,
    StaffProductSchema,
    StaffVariantSchema,
    VariantChange,
    VariantInput,
    render_staff_product,
    render_staff_summary,
    render_staff_variant,
)
from catalog.use_cases import media, products
from catalog.use_cases.items import folded

KEEPS_CATALOGUE = [has_role("catalog"), FreshLogin]


def product_response(product_id: UUID, status: int = 200) -> Response:
    product = Product.objects.whole().filter(pk=product_id).first()
    if product is None:
        raise NotFound("There is no such product.")
    headers = {"ETag": product.etag} | ({"Location": f"/api/v1/staff/products/{product.id}"} if status == 201 else {})
    return Response(render_staff_product(product), status=status, headers=headers)


def variant_response(sku: str, status: int = 200) -> Response:
    variant = Variant.objects.prefetch_related("prices").filter(pk=sku).first()
    if variant is None:
        raise NotFound("There is no such SKU.")
    headers = {"ETag": variant.etag} | ({"Location": f"/api/v1/staff/variants/{sku}"} if status == 201 else {})
    return Response(render_staff_variant(variant), status=status, headers=headers)


class StaffProductList(View):
    permission_classes = KEEPS_CATALOGUE

    @extend_schema(parameters=[StaffProductQuery], responses=StaffProductPageSchema)
    def get(self, request: Request) -> Response:
        """All products, drafts and archived ones too, newest first."""
        query = self.query(StaffProductQuery, request)
        chosen = Product.objects.in_brief().matching(folded(query.get("q", "")).split())
        if "status" in query:
            chosen = chosen.filter(status=query["status"])
        render = lambda rows: [render_staff_summary(product) for product in rows]  # noqa: E731
        return Response(page(chosen, order=("-created_at", "-id"), query=query, render=render))

    @extend_schema(request=ProductInput, responses={201: StaffProductSchema})
    @writes()
    def post(self, request: Request) -> Response:
        """A new product; give it variants and prices, then make it `active`."""
        product = products.create_product(given=self.parse(ProductInput, request))
        return product_response(product.id, 201)


class StaffProductDetail(View):
    permission_classes = KEEPS_CATALOGUE

    @extend_schema(responses=StaffProductSchema)
    def get(self, request: Request, product_id: UUID) -> Response:
        """Any product, whole."""
        return product_response(product_id)

    @extend_schema(request=ProductChange, responses=StaffProductSchema)
    @writes("none", if_match=True)
    def patch(self, request: Request, product_id: UUID) -> Response:
        """Change what is sent; texts, attributes and restrictions are replaced as a whole."""
        changes = self.parse(ProductChange, request)
        products.change_product(product_id=product_id, changes=changes, request=request)
        return product_response(product_id)


class StaffVariantList(View):
    permission_classes = KEEPS_CATALOGUE

    @extend_schema(request=VariantInput, responses={201: StaffVariantSchema})
    @writes(if_match=True)
    def post(self, request: Request, product_id: UUID) -> Response:
        """A new SKU; If-Match names the product's version."""
        given = self.parse(VariantInput, request)
        variant = products.add_variant(product_id=product_id, given=given, request=request)
        return variant_response(variant.sku, 201)


class StaffVariantDetail(View):
    permission_classes = KEEPS_CATALOGUE

    @extend_schema(responses=StaffVariantSchema)
    def get(self, request: Request, sku: str) -> Response:
        """Any SKU with its prices."""
        return variant_response(sku)

    @extend_schema(request=VariantChange, responses=StaffVariantSchema)
    @writes("none", if_match=True)
    def patch(self, request: Request, sku: str) -> Response:
        """Change what is sent; a SKU keeps its name for ever."""
        products.change_variant(sku=sku, changes=self.parse(VariantChange, request), request=request)
        return variant_response(sku)


class StaffPrice(View):
    permission_classes = KEEPS_CATALOGUE

    @extend_schema(request=PriceInput, responses=StaffVariantSchema)
    @writes("none", if_match=True)
    def put(self, request: Request, sku: str, currency: str) -> Response:
        """Set a SKU's price on one currency's list; If-Match names the variant's version."""
        price = self.parse(PriceInput, request)
        products.set_price(sku=sku, currency=_currency(currency), request=request, **price)
        return variant_response(sku)

    @extend_schema(responses={200: StaffVariantSchema})
    @writes("none", if_match=True)
    def delete(self, request: Request, sku: str, currency: str) -> Response:
        """Take a SKU off one currency's list."""
        products.remove_price(sku=sku, currency=_currency(currency), request=request)
        return variant_response(sku)


class StaffMedia(View):
    permission_classes = KEEPS_CATALOGUE
    parser_classes = [MultiPartParser]

    @extend_schema(request={"multipart/form-data": PictureInput}, responses={201: PictureSchema})
    @writes("none")
    def post(self, request: Request, product_id: UUID) -> Response:
        """Add a picture; the same file again is the same picture."""
        given = self.parse(PictureInput, request)
        alt = {name.removeprefix("alt_"): text for name, text in given.items() if name.startswith("alt_")}
        added = media.add_picture(product_id=product_id, file=given["file"], alt=alt)
        return Response(render_picture(added), status=201)


def _currency(code: str) -> str:
    return CurrencyField().run_validation(code)
