"""The books: postings whose entries sum to zero, written once and never changed."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from uuid_utils.compat import uuid7

from payments.domain.ledger import Account
from payments.models.payments import Payment


class Unchangeable(TypeError):
    """Someone tried to change what was written into the books; a correction is another posting."""


class AppendOnlyQuerySet(models.QuerySet):
    def update(self, **fields: Any) -> NoReturn:
        raise Unchangeable("the ledger is append-only: post a correction instead")

    def delete(self) -> NoReturn:
        raise Unchangeable("the ledger is append-only: post a correction instead")


class AppendOnly(models.Model):
    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Unchangeable("the ledger is append-only: post a correction instead")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise Unchangeable("the ledger is append-only: post a correction instead")


class LedgerPosting(AppendOnly):
    """What happened to money, once per `business_key`. `reference` is a refund's, dispute's, attempt's or line's id."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    business_key = models.CharField(max_length=140, unique=True, db_collation="utf8mb4_bin")
    kind = models.CharField(max_length=20, db_index=True)
    reference = models.CharField(max_length=100, blank=True, db_collation="utf8mb4_bin")
    provider = models.CharField(max_length=20)
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, blank=True, related_name="postings")
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.business_key


class LedgerEntry(AppendOnly):
    """A signed amount on an account: debits positive, credits negative, in minor units of `currency`."""

    id = models.BigAutoField(primary_key=True)
    posting = models.ForeignKey(LedgerPosting, models.PROTECT, related_name="entries")
    account = models.CharField(max_length=20, choices=[(name, name) for name in Account])
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "ledger entries"
        indexes = [models.Index(fields=["account", "currency", "amount_minor"], name="balances")]
        constraints = [models.UniqueConstraint(fields=["posting", "account", "currency"], name="one_entry_per_account")]
