"""Say in words where an order's money is, and why."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from payments.models import Payment
from payments.use_cases.explaining import explain


class Command(BaseCommand):
    help = "Say in words where the money of an order is, why, and who owes the next step."

    def add_arguments(self, parser) -> None:
        parser.add_argument("number", help="CB-...")

    def handle(self, *args, number: str, **options) -> None:
        payment = Payment.objects.filter(order_number=number.upper()).first()
        if payment is None:
            raise CommandError(f"There is no payment of {number}: orders has not asked for it, or its event is parked.")
        for line in explain(payment, now=timezone.now()):
            self.stdout.write(line)
