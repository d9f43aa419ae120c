"""manage.py outbox_drain"""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from outbox.relay import Relay


class Command(BaseCommand):
    help = "Send what is pending once, and end."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=float, default=60.0, help="at most about so long (default: 60)")

    def handle(self, *, seconds: float, **_: Any) -> None:
        relay = Relay()
        try:
            totals = relay.drain(seconds)
        finally:
            relay.close()
        self.stdout.write(f"published {totals.published}, failed {totals.failed}, dead {totals.dead}")
