"""The catalogue as staff change it and see it."""

from __future__ import annotations

from typing import Any

from chassis.fields import CountryField, CurrencyField, StrictSerializer
from chassis.pages import PageQuery
from rest_framework import serializers

from catalog.models import Product, Variant
from catalog.models.products import LANGUAGES, STATUSES
from catalog.serializers.products import PictureSchema, render_picture

SKU = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"
NAME = r"^[a-z][a-z0-9_]{0,39}\Z"
DUTY_UNITS = ("l", "m2", "pair")
MAX_WEIGHT_G = 1_000_000


class NamesField(serializers.DictField):
    """An object whose names are checked: `names` lists those allowed, or each must look like an attribute's name."""

    def __init__(self, *, names: tuple[str, ...] = (), required_names: tuple[str, ...] = (), **kwargs: Any):
        self.names, self.required_names = names, required_names
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        values = super().to_internal_value(data)
        pattern = serializers.RegexField(NAME)
        for name in values:
            if self.names and name not in self.names:
                raise serializers.ValidationError(f"{name!r} is none of: {', '.join(self.names)}.", code="unknown_name")
            if not self.names:
                pattern.run_validation(name)
        if missing := [name for name in self.required_names if name not in values]:
            raise serializers.ValidationError(f"{', '.join(missing)} is missing.", code="required")
        if len(values) > 30:
            raise serializers.ValidationError("At most 30 entries.", code="max_length")
        return values


class TextInput(StrictSerializer):
    title = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=10_000, allow_blank=True, default="")


class RestrictionInput(StrictSerializer):
    country = CountryField()
    reason = serializers.CharField(max_length=300)


class ProductInput(StrictSerializer):
    slug = serializers.SlugField(max_length=100)
    category = serializers.SlugField(max_length=60, help_text="A category's slug.")
    brand = serializers.CharField(max_length=100, allow_blank=True, default="")
    attributes = NamesField(child=serializers.CharField(max_length=100), default=dict)
    status = serializers.ChoiceField(choices=STATUSES, default="draft")
    texts = NamesField(child=TextInput(), names=LANGUAGES, required_names=("en",))
    restrictions = RestrictionInput(many=True, default=list)

    def validate_restrictions(self, rows: list[dict]) -> list[dict]:
        if len({row["country"] for row in rows}) != len(rows):
            raise serializers.ValidationError("A country occurs twice.", code="duplicate")
        return rows


class ProductChange(ProductInput):
    """Only what is sent is changed; `texts`, `attributes` and `restrictions` are replaced as a whole."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, partial=True, **kwargs)


class VariantInput(StrictSerializer):
    sku = serializers.RegexField(SKU)
    labels = NamesField(child=serializers.CharField(max_length=90), names=LANGUAGES, default=dict)
    options = NamesField(child=serializers.CharField(max_length=100), default=dict)
    active = serializers.BooleanField(default=True)
    hs_code = serializers.RegexField(r"^[0-9]{6,10}\Z", allow_null=True, default=None)
    origin = CountryField(allow_null=True, default=None)
    proof_of_origin = serializers.BooleanField(default=False)
    weight_g = serializers.IntegerField(min_value=1, max_value=MAX_WEIGHT_G)
    duty_units = NamesField(
        child=serializers.RegexField(r"^[0-9]{1,6}(\.[0-9]{1,4})?\Z"), names=DUTY_UNITS, default=dict
    )
    position = serializers.IntegerField(min_value=0, max_value=10_000, default=0)


class VariantChange(VariantInput):
    """Only what is sent is changed; a SKU keeps its name for ever."""

    sku = None  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, partial=True, **kwargs)


class PriceInput(StrictSerializer):
    amount_minor = serializers.IntegerField(min_value=0, max_value=10**12)
    tax_included_country = CountryField(
        allow_null=True, default=None, help_text="Whose domestic tax the price includes; null: none."
    )


class PictureInput(StrictSerializer):
    file = serializers.FileField(help_text="PNG, JPEG or WebP; at most 900 kB and 4000 pixels wide and high.")
    alt_en = serializers.CharField(max_length=300, required=False)
    alt_de = serializers.CharField(max_length=300, required=False)
    alt_ja = serializers.CharField(max_length=300, required=False)


class StaffProductQuery(PageQuery):
    status = serializers.ChoiceField(choices=STATUSES, required=False)
    q = serializers.CharField(max_length=100, required=False, help_text="Words that must all occur; SKUs too.")


class RestrictionSchema(serializers.Serializer):
    country = serializers.CharField()
    reason = serializers.CharField()


class TextSchema(serializers.Serializer):
    title = serializers.CharField()
    description = serializers.CharField(allow_blank=True)


class StaffPriceSchema(serializers.Serializer):
    currency = CurrencyField()
    amount_minor = serializers.IntegerField()
    tax_included_country = serializers.CharField(allow_null=True)


class StaffVariantSchema(serializers.Serializer):
    sku = serializers.CharField()
    version = serializers.IntegerField()
    active = serializers.BooleanField()
    labels = serializers.DictField(child=serializers.CharField())
    options = serializers.DictField(child=serializers.CharField())
    hs_code = serializers.CharField(allow_null=True)
    origin = serializers.CharField(allow_null=True)
    proof_of_origin = serializers.BooleanField()
    weight_g = serializers.IntegerField()
    duty_units = serializers.DictField(child=serializers.CharField())
    position = serializers.IntegerField()
    prices = StaffPriceSchema(many=True)


class StaffProductSchema(serializers.Serializer):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    version = serializers.IntegerField()
    status = serializers.CharField()
    category = serializers.CharField()
    brand = serializers.CharField(allow_blank=True)
    attributes = serializers.DictField(child=serializers.CharField())
    texts = serializers.DictField(child=TextSchema())
    restrictions = RestrictionSchema(many=True)
    variants = StaffVariantSchema(many=True)
    media = PictureSchema(many=True)


class StaffSummarySchema(serializers.Serializer):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    version = serializers.IntegerField()
    status = serializers.CharField()
    category = serializers.CharField()
    brand = serializers.CharField(allow_blank=True)
    title = serializers.CharField()
    skus = serializers.ListField(child=serializers.CharField())


class StaffProductPageSchema(serializers.Serializer):
    data = StaffSummarySchema(many=True)  # type: ignore[assignment]
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()


VARIANT_FIELDS = (
    "sku", "version", "active", "labels", "options", "hs_code", "origin", "proof_of_origin", "weight_g", "duty_units",
    "position",
)  # fmt: skip


def render_staff_variant(variant: Variant) -> dict[str, Any]:
    prices = sorted(variant.prices.all(), key=lambda price: price.currency)
    return {name: getattr(variant, name) for name in VARIANT_FIELDS} | {
        "prices": StaffPriceSchema(prices, many=True).data
    }


def render_staff_summary(product: Product) -> dict[str, Any]:
    """A product as `Product.objects.in_brief()` read it."""
    return {
        "id": str(product.id),
        "slug": product.slug,
        "version": product.version,
        "status": product.status,
        "category": product.category.slug,
        "brand": product.brand,
        "title": product.title,
        "skus": [variant.sku for variant in product.variants.all()],
    }


def render_staff_product(product: Product) -> dict[str, Any]:
    """A product as `Product.objects.whole()` read it."""
    return {
        "id": str(product.id),
        "slug": product.slug,
        "version": product.version,
        "status": product.status,
        "category": product.category.slug,
        "brand": product.brand,
        "attributes": product.attributes,
        "texts": {text.language: TextSchema(text).data for text in product.texts.all()},
        "restrictions": RestrictionSchema(product.restrictions.all(), many=True).data,
        "variants": [render_staff_variant(variant) for variant in product.variants.all()],
        "media": [render_picture(media) for media in product.pictures],
    }
