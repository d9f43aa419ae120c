"""Load the United States' column 1 general duty rates; what we cannot reckon is reported and never quoted as zero."""

import csv
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from orders.domain.duty_expressions import Untranslatable, translate_usitc
from orders.management.commands.import_rules import SHOWN, show
from orders.models import DutyRate
from orders.rule_import import ImportRefused, Row, compare, write

SOURCE = "USITC Harmonized Tariff Schedule, column 1 general, February 2026"
SOURCE_DATE = "2026-02-01"


class Command(BaseCommand):
    help = "Load the United States' general duty rates from a CSV of hs_code and rate as published."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--file", type=Path, default=settings.BASE_DIR / "reference" / "us-duty-rates.csv")

    def handle(self, *args, file: Path, verbosity: int, **options) -> None:
        rows, untranslated = translated(file)
        try:
            diff = compare(DutyRate, rows)
        except ImportRefused as refusal:
            raise CommandError("nothing was imported:\n" + "\n".join(refusal.errors)) from refusal
        show(self.stdout, [diff], verbosity)
        for code, rate in untranslated if verbosity > 1 else untranslated[:SHOWN] if verbosity else []:
            self.stdout.write(f"? HS {code}: {rate}")
        if verbosity:
            self.stdout.write(f"{len(untranslated)} rates cannot be said as an expression: such goods are not quoted")
        write([diff])


def translated(path: Path) -> tuple[list[tuple[int, Row]], list[tuple[str, str]]]:
    """Rows to import, with their line numbers, and (code, rate) of those whose expression has to stay empty."""
    rows, untranslated = [], []
    with path.open(encoding="utf-8", newline="") as file:
        for number, published in enumerate(csv.DictReader(file), 2):
            code, rate = published["hs_code"], published["rate"]
            try:
                expression = translate_usitc(rate)
            except Untranslatable:
                expression = ""
                untranslated.append((code, rate))
            rows.append((number, _row(code, expression, rate)))
    return rows, untranslated


def _row(code: str, expression: str, published: str) -> Row:
    return {
        "destination": "US",
        "hs_prefix": code,
        "expression": expression,
        "valid_from": SOURCE_DATE,
        "source": SOURCE,
        "source_date": SOURCE_DATE,
        "note": "" if expression in {published, "0%"} else f"published as {published}"[:300],
    }
