"""manage.py inbox_purge"""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from outbox.purging import KEEP_DAYS, purge


class Command(BaseCommand):
    help = "Delete inbox rows that are older than any topic keeps events."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=float, default=KEEP_DAYS, help=f"keep so many (default: {KEEP_DAYS})")

    def handle(self, *, days: float, **_: Any) -> None:
        self.stdout.write(f"purged {purge(days)} rows")
