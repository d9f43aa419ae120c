"""Ask whether the money kept is the money due, and whether the books say so."""

from __future__ import annotations

import sys

from django.core.management.base import BaseCommand
from django.utils import timezone

from payments.use_cases.audit import check_invariants


class Command(BaseCommand):
    help = "Check I3 (money kept is money due) and I8 (the books balance and agree with the rows); exit code 1: broken."

    def handle(self, *args, **options) -> None:
        found = check_invariants(now=timezone.now())
        for each in found:
            self.stdout.write(f"{each.invariant} {each.about}: {each.detail}")
        if found:
            sys.exit(1)
        self.stdout.write("I3 and I8 hold.")
