"""Carts, of a user or of whoever holds a guest's token."""

from __future__ import annotations

from django.db import models
from uuid_utils.compat import uuid7


class Owned(models.Model):
    """Belongs to exactly one of a user and a token's SHA-256 (hex)."""

    user_id = models.UUIDField(null=True, blank=True)
    token_sha256 = models.CharField(max_length=64, null=True, blank=True, db_collation="ascii_bin")

    class Meta:
        abstract = True

    @property
    def owner(self) -> str:
        return f"user:{self.user_id}" if self.user_id else f"token:{self.token_sha256}"


class Cart(Owned):
    """What somebody means to buy. `open_owner` is the owner while open, else NULL: one open cart per owner."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    currency = models.CharField(max_length=3)
    coupon_code = models.CharField(max_length=40, null=True, blank=True, db_collation="utf8mb4_bin")
    version = models.PositiveIntegerField(default=1)
    open_owner = models.CharField(max_length=80, null=True, blank=True, unique=True, db_collation="ascii_bin")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="cart_has_one_owner",
                condition=models.Q(user_id__isnull=True, token_sha256__isnull=False)
                | models.Q(user_id__isnull=False, token_sha256__isnull=True),
            )
        ]

    @property
    def is_open(self) -> bool:
        return self.open_owner is not None

    @property
    def etag(self) -> str:
        return f'"{self.version}"'


class CartItem(models.Model):
    cart = models.ForeignKey(Cart, models.CASCADE, related_name="items")
    sku = models.CharField(max_length=64, db_collation="utf8mb4_bin")
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cart", "sku"], name="one_line_per_sku")]
