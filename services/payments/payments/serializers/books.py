"""The books and their differences as finance asks for them and sees them."""

from __future__ import annotations

from typing import Any

from chassis.fields import CurrencyField, MoneySchema, StrictSerializer, money
from chassis.pages import PageQuery
from rest_framework import serializers

from payments.domain.ledger import MOVES, Account
from payments.models import Difference, LedgerPosting

ACCOUNTS = [str(account) for account in Account]
NUMBER = r"^CB-[0-9A-Z]{10}$"


class LedgerQuery(PageQuery):
    account = serializers.ChoiceField(choices=ACCOUNTS, required=False)
    currency = CurrencyField(required=False)
    kind = serializers.ChoiceField(choices=list(MOVES), required=False)
    provider = serializers.CharField(max_length=20, required=False)
    order_number = serializers.RegexField(NUMBER, required=False)
    payment_id = serializers.UUIDField(required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)


class BalancesQuery(StrictSerializer):
    account = serializers.ChoiceField(choices=ACCOUNTS, required=False)
    currency = CurrencyField(required=False)
    until = serializers.DateTimeField(required=False, help_text="as the books were at that moment")


class DifferenceQuery(PageQuery):
    kind = serializers.ChoiceField(choices=Difference.KINDS, required=False)
    day = serializers.DateField(required=False)
    order_number = serializers.RegexField(NUMBER, required=False)
    open = serializers.BooleanField(required=False, allow_null=True, default=None)


class ResolveInput(StrictSerializer):
    why = serializers.CharField(min_length=3, max_length=500)


class EntrySchema(serializers.Serializer):
    account = serializers.ChoiceField(choices=ACCOUNTS)
    amount = MoneySchema(help_text="debits positive, credits negative")


class PostingSchema(serializers.Serializer):
    id = serializers.UUIDField()
    business_key = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(MOVES))
    reference = serializers.CharField(help_text="the refund, dispute, attempt or report line it tells of, if any")
    provider = serializers.CharField()
    payment_id = serializers.UUIDField(allow_null=True)
    order_number = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    entries = EntrySchema(many=True)


class LedgerPageSchema(serializers.Serializer):
    data = PostingSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()


class BalanceSchema(serializers.Serializer):
    account = serializers.ChoiceField(choices=ACCOUNTS)
    balance = MoneySchema()


class BalancesSchema(serializers.Serializer):
    data = BalanceSchema(many=True)


class DifferenceSchema(serializers.Serializer):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Difference.KINDS)
    provider = serializers.CharField()
    day = serializers.DateField()
    payment_id = serializers.UUIDField(allow_null=True)
    order_number = serializers.CharField(allow_null=True)
    booked = MoneySchema(allow_null=True)
    reported = MoneySchema(allow_null=True)
    detail = serializers.CharField()
    found_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolved_by = serializers.CharField()
    resolution = serializers.CharField()


class DifferencePageSchema(serializers.Serializer):
    data = DifferenceSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()


def render_posting(row: LedgerPosting) -> dict[str, Any]:
    """From a row fetched with its payment and entries."""
    return {
        "id": str(row.pk),
        "business_key": row.business_key,
        "kind": row.kind,
        "reference": row.reference,
        "provider": row.provider,
        "payment_id": str(row.payment_id) if row.payment_id else None,
        "order_number": row.payment.order_number if row.payment else None,
        "created_at": row.created_at,
        "entries": [
            {"account": entry.account, "amount": money(entry.amount_minor, entry.currency)}
            for entry in row.entries.all()
        ],
    }


def render_difference(row: Difference) -> dict[str, Any]:
    """From a row fetched with its report and payment."""
    booked, reported = (
        None if minor is None else money(minor, row.currency) for minor in (row.booked_minor, row.reported_minor)
    )
    return {
        "id": str(row.pk),
        "kind": row.kind,
        "provider": row.report.provider,
        "day": row.report.day,
        "payment_id": str(row.payment_id) if row.payment_id else None,
        "order_number": row.payment.order_number if row.payment else None,
        "booked": booked,
        "reported": reported,
        "detail": row.detail,
        "found_at": row.found_at,
        "resolved_at": row.resolved_at,
        "resolved_by": row.resolved_by,
        "resolution": row.resolution,
    }
