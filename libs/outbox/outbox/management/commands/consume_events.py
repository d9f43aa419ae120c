"""manage.py consume_events"""

import signal
from threading import Event as Flag
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from outbox.consumer import rebuild
from outbox.errors import BrokerUnavailable
from outbox.running import consumer, run_together


class Command(BaseCommand):
    help = "Handle the events of the subscriptions until SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--rebuild",
            metavar="TYPE,...",
            help="read the topics once from their beginning, handle these snapshot types alone and end",
        )

    def handle(self, *, rebuild: str | None, **_: Any) -> None:
        if rebuild is None:
            run_together([consumer])
        else:
            self._rebuild({name.strip() for name in rebuild.split(",") if name.strip()})

    def _rebuild(self, types: set[str]) -> None:
        stop = Flag()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        try:
            handled = rebuild(types, stop)
        except (ValueError, BrokerUnavailable) as error:
            raise CommandError(str(error)) from error
        if stop.is_set():
            raise CommandError(f"stopped after {handled} events")
        self.stdout.write(f"{handled} events handled again")
