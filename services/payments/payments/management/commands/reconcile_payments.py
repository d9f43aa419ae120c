"""Compare a day's settlement report with the books."""

from __future__ import annotations

from datetime import date

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from payments.models import Difference
from payments.providers.base import ProviderError
from payments.use_cases.reconciliation import days_to_reconcile, reconcile_day


class Command(BaseCommand):
    help = "Import the provider's settlement reports, post their fees, and show where they differ from the books."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--day", type=date.fromisoformat, help="YYYY-MM-DD; else each day since the last import")

    def handle(self, *args, day: date | None = None, **options) -> None:
        now = timezone.now()
        days = [day] if day else days_to_reconcile(now=now)
        if not days:
            self.stdout.write("Every whole day has been imported.")
        for each in days:
            try:
                outcome = reconcile_day(day=each, now=now)
            except ProviderError as error:
                raise CommandError(f"The provider gave no report of {each}: {error}. Try again later.") from error
            self.stdout.write(f"{each}: {outcome.lines} lines, {outcome.open_differences} open differences")
            if not outcome.is_over:
                self.stdout.write("  The day is not over: what the provider does not report is looked for afterwards.")
            for row in Difference.objects.filter(report__day=each, resolved_at=None).select_related("payment"):
                number = row.payment.order_number if row.payment else "no order of ours"
                self.stdout.write(f"  {row.pk} {row.kind}: {row.detail} ({number})")
