"""Ask orders' rows what must never be."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from orders.use_cases import audit


class Command(BaseCommand):
    help = (
        "Check refunds, coupons, units, totals and timelines; exit code 1 and a line for each when something is wrong."
    )

    def handle(self, *args, **options) -> None:
        found = audit.check_orders(now=timezone.now())
        for invariant, subject, detail in found:
            self.stdout.write(f"{subject}: not so: {invariant}: {detail}")
        if found:
            raise CommandError(f"{len(found)} violations; admin -> violations keeps them.")
        self.stdout.write("every invariant holds")
