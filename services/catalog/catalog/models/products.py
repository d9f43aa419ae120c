"""What the shop shows and sells: categories, products with texts and pictures, variants (SKUs) and their prices."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7

from catalog.models.reading import ProductQuerySet, VariantQuerySet

LANGUAGES = ("en", "de", "ja")
STATUSES = ["draft", "active", "archived"]


def in_language(texts: dict[str, Any], language: str) -> Any:
    """The text in this language, else in English, else in any; "" when there is none."""
    return texts.get(language) or texts.get("en") or next(iter(texts.values()), "")


class Category(models.Model):
    """A shelf; `path` (`/food/coffee/`) makes all that is below it one range of an index."""

    slug = models.SlugField(max_length=60, unique=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    path = models.CharField(max_length=255, unique=True, db_collation="utf8mb4_bin")
    names = models.JSONField()
    position = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.path


class Product(models.Model):
    """One thing in one or more variants. `search` holds every word that finds it, folded as queries are."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=100, unique=True)
    category = models.ForeignKey(Category, models.PROTECT, related_name="products")
    brand = models.CharField(max_length=100, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, default="draft", choices=[(name, name) for name in STATUSES])
    version = models.PositiveBigIntegerField(default=1)
    search = models.TextField(blank=True, editable=False, db_collation="utf8mb4_bin")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    title: str  # these are annotated by the queries of catalog.models.reading
    description: str
    lowest_minor: int
    highest_minor: int
    tax_included_country: str | None
    in_stock: bool
    pictures: list[Media]

    objects = ProductQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["status", "-created_at", "-id"], name="product_newest"),
            models.Index(fields=["category", "status"], name="product_on_shelf"),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def etag(self) -> str:
        return f'"{self.version}"'


class ProductText(models.Model):
    """A product's title and description in one language."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="texts")
    language = models.CharField(max_length=6)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "language"], name="text_once_per_language")]
        indexes = [models.Index(fields=["language", "title", "product"], name="text_by_title")]


class Variant(models.Model):
    """What is ordered, stocked and taxed: a SKU. `version` counts its `item.changed` snapshots."""

    sku = models.CharField(max_length=64, primary_key=True, db_collation="utf8mb4_bin")
    product = models.ForeignKey(Product, models.CASCADE, related_name="variants")
    labels = models.JSONField(default=dict, blank=True)  # by language, what tells it from its siblings: "black, M"
    options = models.JSONField(default=dict, blank=True)
    active = models.BooleanField(default=True)
    hs_code = models.CharField(max_length=10, null=True, blank=True)
    origin = models.CharField(max_length=2, null=True, blank=True)
    proof_of_origin = models.BooleanField(default=False)
    weight_g = models.PositiveIntegerField()
    duty_units = models.JSONField(default=dict, blank=True)
    position = models.PositiveIntegerField(default=0)
    version = models.PositiveBigIntegerField(default=0)

    amount_minor: int | None  # these are annotated by VariantQuerySet.priced
    tax_included_country: str | None
    available: int | None

    objects = VariantQuerySet.as_manager()

    def __str__(self) -> str:
        return self.sku

    @property
    def etag(self) -> str:
        return f'"{self.version}"'


class Price(models.Model):
    """A unit's price on one currency's list, in minor units; it may include one country's domestic tax."""

    variant = models.ForeignKey(Variant, models.CASCADE, related_name="prices", db_column="sku")
    currency = models.CharField(max_length=3, db_collation="utf8mb4_bin")
    amount_minor = models.PositiveBigIntegerField()
    tax_included_country = models.CharField(max_length=2, null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["variant", "currency"], name="price_once_per_currency")]


class PriceRange(models.Model):
    """From the cheapest to the dearest variant of a product in one currency: what lists filter and sort by."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="price_ranges")
    currency = models.CharField(max_length=3, db_collation="utf8mb4_bin")
    lowest_minor = models.PositiveBigIntegerField()
    highest_minor = models.PositiveBigIntegerField()
    tax_included_country = models.CharField(max_length=2, null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "currency"], name="range_once_per_currency")]
        indexes = [models.Index(fields=["currency", "lowest_minor", "product"], name="range_by_price")]


class ProductFacet(models.Model):
    """One value of one attribute or option of a product: what `attr_<name>=` filters by and facets count."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="facets")
    name = models.CharField(max_length=40, db_collation="utf8mb4_bin")
    value = models.CharField(max_length=100, db_collation="utf8mb4_bin")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "value", "product"], name="facet_once")]


class Restriction(models.Model):
    """A country that a product may not be sold to, and the sentence that tells the shopper why."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="restrictions")
    country = models.CharField(max_length=2)
    reason = models.CharField(max_length=300)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["country", "product"], name="restricted_once")]


class Media(models.Model):
    """A picture; `sha256` of the file, so that the same upload twice is one picture."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="media")
    file = models.FileField(upload_to="catalog/")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    alt = models.JSONField(default=dict, blank=True)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "media"
        constraints = [models.UniqueConstraint(fields=["product", "sha256"], name="picture_once")]


class LoadedFolder(models.Model):
    """What `load_demo` has loaded, by the digest of its files, so that an unchanged folder is not read again."""

    name = models.CharField(max_length=50, primary_key=True)
    sha256 = models.CharField(max_length=64)
