"""Post what payments moved before there were books."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from payments.use_cases.opening import open_ledger


class Command(BaseCommand):
    help = "Once, after the update from a version without a ledger, when no old process runs: post what it had moved."

    def handle(self, *args, **options) -> None:
        self.stdout.write(f"{open_ledger()} payments were posted.")
