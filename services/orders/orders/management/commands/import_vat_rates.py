"""Load the standard VAT rates of European countries from the data of eu-vat-rates-data."""

import eu_vat_rates_data
from django.core.management.base import BaseCommand, CommandError

from orders.management.commands.import_rules import show
from orders.models import TaxRate, Territory
from orders.rule_import import ImportRefused, Row, compare, write


class Command(BaseCommand):
    help = (
        "Load standard VAT rates for every European country that has customs rules; a rate that stands is left alone."
    )

    def handle(self, *args, verbosity: int, **options) -> None:
        try:
            diff = compare(TaxRate, enumerate(changed_rates(), 1))
        except ImportRefused as refusal:
            raise CommandError("nothing was imported:\n" + "\n".join(refusal.errors)) from refusal
        show(self.stdout, [diff], verbosity)
        write([diff])


def changed_rates() -> list[Row]:
    """A row from the data's day on for each country whose stored standard rate is another, or none."""
    day = eu_vat_rates_data.data_version
    countries = Territory.objects.exclude(tax_name="").values_list("country", flat=True).distinct()
    newest = TaxRate.objects.filter(hs_prefix="").order_by("valid_from")
    stored = {row.country: row.percent for row in newest}
    return [
        {
            "country": country,
            "hs_prefix": "",
            "percent": str(rate["standard"]),
            "valid_from": day,
            "source": f"eu-vat-rates-data {day}, from the European Commission's TEDB",
            "source_date": day,
        }
        for country in sorted(countries)
        if (rate := eu_vat_rates_data.get_rate(country)) and stored.get(country) != rate["standard"]
    ]
