"""The books over HTTP, for finance: postings, balances, and where settlement reports differ."""

from __future__ import annotations

from uuid import UUID

from auth_jwt.permissions import FreshLogin, has_role
from chassis.fields import money
from chassis.pages import page
from chassis.views import View
from chassis.writes import writes
from django.db.models import Exists, OuterRef
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from payments.models import Difference, LedgerEntry, LedgerPosting
from payments.serializers.books import (
    BalancesQuery,
    BalancesSchema,
    DifferencePageSchema,
    DifferenceQuery,
    DifferenceSchema,
    LedgerPageSchema,
    LedgerQuery,
    ResolveInput,
    render_difference,
    render_posting,
)
from payments.use_cases import ledger
from payments.use_cases.reconciliation import resolve_difference

FILTERS = {
    "kind": "kind",
    "provider": "provider",
    "order_number": "payment__order_number",
    "payment_id": "payment_id",
    "since": "created_at__gte",
    "until": "created_at__lt",
}


class StaffLedger(View):
    permission_classes = [has_role("finance")]

    @extend_schema(parameters=[LedgerQuery], responses=LedgerPageSchema)
    def get(self, request: Request) -> Response:
        """What happened to money, newest first: each posting with its entries, whose amounts sum to zero."""
        query = self.query(LedgerQuery, request)
        chosen = LedgerPosting.objects.select_related("payment").prefetch_related("entries")
        chosen = chosen.filter(**{field: query[name] for name, field in FILTERS.items() if name in query})
        if on := {name: query[name] for name in ("account", "currency") if name in query}:
            chosen = chosen.filter(Exists(LedgerEntry.objects.filter(posting=OuterRef("pk"), **on)))
        render = lambda rows: [render_posting(row) for row in rows]  # noqa: E731
        return Response(page(chosen, order=("-created_at", "-id"), query=query, render=render))


class StaffBalances(View):
    permission_classes = [has_role("finance")]

    @extend_schema(parameters=[BalancesQuery], responses=BalancesSchema)
    def get(self, request: Request) -> Response:
        """What each account comes to, by currency: debits positive, credits negative; a currency's sum is zero."""
        query = self.query(BalancesQuery, request)
        fields = {"currency": "currency", "account": "account", "until": "posting__created_at__lt"}
        rows = ledger.balances(**{field: query[name] for name, field in fields.items() if name in query})
        data = [{"account": account, "balance": money(amount, currency)} for account, currency, amount in rows]
        return Response({"data": data})


class StaffDifferences(View):
    permission_classes = [has_role("finance")]

    @extend_schema(parameters=[DifferenceQuery], responses=DifferencePageSchema)
    def get(self, request: Request) -> Response:
        """Where settlement reports and books do not agree, newest first."""
        query = self.query(DifferenceQuery, request)
        chosen = Difference.objects.select_related("report", "payment")
        fields = {"kind": "kind", "day": "report__day", "order_number": "payment__order_number"}
        chosen = chosen.filter(**{field: query[name] for name, field in fields.items() if name in query})
        if query.get("open") is not None:
            chosen = chosen.filter(resolved_at__isnull=query["open"])
        render = lambda rows: [render_difference(row) for row in rows]  # noqa: E731
        return Response(page(chosen, order=("-found_at", "-id"), query=query, render=render))


class StaffDifferenceResolve(View):
    permission_classes = [has_role("finance"), FreshLogin]

    @extend_schema(request=ResolveInput, responses=DifferenceSchema)
    @writes()
    def post(self, request: Request, difference_id: UUID) -> Response:
        """Say why it is so; 409 `already_resolved` when someone has."""
        given = self.parse(ResolveInput, request)
        by = str(request.user.id)
        row = resolve_difference(difference_id=difference_id, by=by, why=given["why"], now=timezone.now())
        return Response(render_difference(Difference.objects.select_related("report", "payment").get(pk=row.pk)))
