"""The books, settlement reports and where the two differ: to read, and to say why."""

from __future__ import annotations

from functools import partial

from chassis.admin import ReadOnlyAdmin, read_only
from chassis.problems import Problem
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.utils import timezone
from outbox.transactions import retry_conflicts

from payments.models import Difference, LedgerEntry, LedgerPosting, SettlementLine, SettlementReport, Violation
from payments.use_cases.reconciliation import resolve_difference


@admin.register(LedgerPosting)
class LedgerPostingAdmin(ReadOnlyAdmin):
    list_display = ("business_key", "kind", "payment", "provider", "created_at")
    list_filter = ("kind", "provider")
    list_select_related = ("payment",)
    search_fields = ("=business_key", "=payment__order_number", "=reference")
    inlines = [read_only(LedgerEntry, "account", "currency", "amount_minor")]


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    list_display = ("posting", "account", "currency", "amount_minor")
    list_filter = ("account", "currency")
    list_select_related = ("posting",)
    search_fields = ("=posting__business_key", "=posting__payment__order_number")


@admin.register(SettlementReport)
class SettlementReportAdmin(ReadOnlyAdmin):
    list_display = ("provider", "day", "lines", "imported_at")
    list_filter = ("provider",)
    date_hierarchy = "day"


@admin.register(SettlementLine)
class SettlementLineAdmin(ReadOnlyAdmin):
    list_display = ("line_id", "kind", "object_id", "amount_minor", "currency", "fee_minor", "at", "business_key")
    list_filter = ("kind", "provider", "currency")
    search_fields = ("=line_id", "=object_id", "=reference", "=payment__order_number")


class ReasonForm(ActionForm):
    why = forms.CharField(required=False, max_length=500, help_text="for: say why")


@admin.register(Difference)
class DifferenceAdmin(ReadOnlyAdmin):
    list_display = (
        *("kind", "report", "payment", "booked_minor", "reported_minor", "currency", "detail", "found_at"),
        *("resolved_at", "resolved_by", "resolution"),
    )
    list_filter = (("resolved_at", admin.EmptyFieldListFilter), "kind", "report__provider")
    list_select_related = ("report", "payment")
    search_fields = ("=payment__order_number", "=about")
    action_form = ReasonForm
    actions = ["resolve"]

    @admin.action(description="Resolved: say why")
    def resolve(self, request, queryset) -> None:
        why = request.POST.get("why", "").strip()
        if not why:
            self.message_user(request, "Say why in the field beside the action.", messages.ERROR)
            return
        for row in queryset:
            by = request.user.get_username()
            resolve = partial(resolve_difference, difference_id=row.pk, by=by, why=why, now=timezone.now())
            try:
                retry_conflicts(resolve)
                self.log_change(request, row, f"resolved: {why}")
            except Problem as problem:
                self.message_user(request, str(problem.detail), messages.ERROR)


@admin.register(Violation)
class ViolationAdmin(ReadOnlyAdmin):
    list_display = ("invariant", "about", "detail", "found_at", "gone_at")
    list_filter = ("invariant", ("gone_at", admin.EmptyFieldListFilter))
    search_fields = ("=about",)
