"""Compare stock with its ledger and with what is reserved."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from catalog.models import Discrepancy
from catalog.use_cases import audit


class Command(BaseCommand):
    help = "Check invariant I2 of every row of stock; exit code 1 and a line for each row that does not add up."

    def handle(self, *args, **options) -> None:
        violated = audit.check_stock(now=timezone.now())
        for each in Discrepancy.objects.filter(kind="invariant", resolved_at=None):
            self.stdout.write(f"{each.sku} in {each.warehouse}: {each.detail}")
        if violated:
            raise CommandError(f"{violated} differences; admin -> discrepancies keeps them.")
        self.stdout.write("every row of stock adds up")
