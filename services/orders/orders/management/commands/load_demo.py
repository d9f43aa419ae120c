"""Load all that the demo shop's quotes need: customs, tax, thresholds, shipping, exchange rates; idempotent."""

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction

TABLES = (
    "territories", "tax-rates", "duty-rates-eu", "duty-rates-gb", "duty-rates-us", "duty-rates-in", "duty-rates-jp",
    "duty-rates-kw", "de-minimis", "fees", "shipping-methods", "shipping-rates", "return-policies",
)  # fmt: skip


class Command(BaseCommand):
    help = "Load the landed-cost rules of the demo markets, from the tables in reference/ and two packages of data."

    def handle(self, *args, verbosity: int, **options) -> None:
        quieter = {"stdout": self.stdout, "verbosity": verbosity if verbosity > 1 else 0}
        with transaction.atomic(savepoint=False):
            for table in TABLES:  # one by one: shipping rates name methods
                call_command("import_rules", settings.BASE_DIR / "reference" / f"{table}.csv", **quieter)
            call_command("import_vat_rates", **quieter)
            call_command("import_us_duties", **quieter)
            call_command("import_exchange_rates", **quieter)
        if verbosity:
            self.stdout.write("landed-cost rules are loaded")
