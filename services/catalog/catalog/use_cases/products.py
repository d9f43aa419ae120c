"""What staff change in the catalogue; every change is published for its SKUs in the same transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chassis.problems import Conflict, NotFound
from chassis.views import require_match
from django.db import transaction
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from catalog.models import Category, Price, Product, ProductText, Restriction, Variant
from catalog.use_cases.items import publish_changes


def create_product(*, given: dict[str, Any]) -> Product:
    """A new product, without variants. Raises Conflict `slug_taken`."""
    with transaction.atomic(savepoint=False):
        texts, restrictions = given.pop("texts"), given.pop("restrictions")
        product = Product(**{**given, "category": _category(given["category"])})
        Product.objects.bulk_create([product], ignore_conflicts=True)
        if not Product.objects.filter(pk=product.pk).exists():
            raise Conflict("slug_taken", f"There is a product {given['slug']!r} already.")
        _write(product, texts=texts, restrictions=restrictions)
        publish_changes(product)
    return product


def change_product(*, product_id: UUID, changes: dict[str, Any], request: Request) -> Product:
    """Change what is given; texts and restrictions are replaced. Raises NotFound, Conflict `slug_taken`, 412, 428."""
    with transaction.atomic(savepoint=False):
        product = lock_product(product_id)
        require_match(request, product.etag)
        apply_changes(product, changes)
    return product


def apply_changes(product: Product, changes: dict[str, Any]) -> None:
    """Change a locked product and tell the others, in the caller's transaction."""
    slug = changes.get("slug", product.slug)
    if slug != product.slug and Product.objects.filter(slug=slug).exists():
        raise Conflict("slug_taken", f"There is a product {slug!r} already.")
    if "category" in changes:
        changes["category"] = _category(changes["category"])
    _write(product, texts=changes.pop("texts", None), restrictions=changes.pop("restrictions", None))
    for name, value in changes.items():
        setattr(product, name, value)
    product.save()
    publish_changes(product)


def set_status(*, product_id: UUID, status: str) -> None:
    """Put a product on sale, take it off, or archive it; nothing when it is so already."""
    with transaction.atomic(savepoint=False):
        product = lock_product(product_id)
        if product.status != status:
            apply_changes(product, {"status": status})


def add_variant(*, product_id: UUID, given: dict[str, Any], request: Request) -> Variant:
    """A new SKU of a product. Raises NotFound, Conflict `sku_taken`, 412, 428."""
    with transaction.atomic(savepoint=False):
        product = lock_product(product_id)
        require_match(request, product.etag)
        variant = Variant(product=product, **given)
        if Variant.objects.filter(pk=variant.sku).exists():
            raise Conflict("sku_taken", f"There is a SKU {variant.sku} already.")
        Variant.objects.bulk_create([variant])
        publish_changes(product, [variant.sku])
    return variant


def change_variant(*, sku: str, changes: dict[str, Any], request: Request) -> Variant:
    """Change what is given. Raises NotFound, 412, 428."""
    with transaction.atomic(savepoint=False):
        product, variant = lock_variant(sku)
        require_match(request, variant.etag)
        for name, value in changes.items():
            setattr(variant, name, value)
        variant.save()
        publish_changes(product, [sku])
    return variant


def set_price(
    *, sku: str, currency: str, amount_minor: int, tax_included_country: str | None, request: Request | None = None
) -> Variant:
    """A SKU's price on one currency's list, for carts and quotes from now on. Raises NotFound; 412, 428 by `request`.

    A price that is so already changes nothing.
    """
    with transaction.atomic(savepoint=False):
        product, variant = lock_variant(sku)
        if request is not None:
            require_match(request, variant.etag)
        fields = {"amount_minor": amount_minor, "tax_included_country": tax_included_country}
        if not variant.prices.filter(currency=currency, **fields).exists():
            price = Price(variant=variant, currency=currency, **fields)
            Price.objects.bulk_create([price], update_conflicts=True, update_fields=list(fields))
            publish_changes(product, [sku])
    return variant


def remove_price(*, sku: str, currency: str, request: Request) -> Variant:
    """Take a SKU off one currency's list. Raises NotFound when it is not on it; 412, 428."""
    with transaction.atomic(savepoint=False):
        product, variant = lock_variant(sku)
        require_match(request, variant.etag)
        if not variant.prices.filter(currency=currency).delete()[0]:
            raise NotFound(f"{sku} has no price in {currency}.")
        publish_changes(product, [sku])
    return variant


def lock_product(product_id: UUID) -> Product:
    """The product's row, locked: all changes of a product and its SKUs go one after another. Raises NotFound."""
    product = Product.objects.select_for_update().filter(pk=product_id).first()
    if product is None:
        raise NotFound("There is no such product.")
    return product


def lock_variant(sku: str) -> tuple[Product, Variant]:
    """A SKU and the product it belongs to for ever, both locked, in this order. Raises NotFound."""
    product_id = Variant.objects.filter(pk=sku).values_list("product_id", flat=True).first()
    if product_id is None:
        raise NotFound("There is no such SKU.", code="unknown_sku")
    return lock_product(product_id), Variant.objects.select_for_update().get(pk=sku)


def _category(slug: str) -> Category:
    category = Category.objects.filter(slug=slug).first()
    if category is None:
        raise ValidationError({"category": [ErrorDetail("There is no such category.", code="unknown_category")]})
    return category


def _write(product: Product, *, texts: dict[str, dict] | None, restrictions: list[dict] | None) -> None:
    if texts is not None:
        product.texts.all().delete()
        ProductText.objects.bulk_create(
            ProductText(product=product, language=language, **text) for language, text in texts.items()
        )
    if restrictions is not None:
        product.restrictions.all().delete()
        Restriction.objects.bulk_create(Restriction(product=product, **row) for row in restrictions)
