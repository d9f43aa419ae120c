"""manage.py inbox_parked list|retry|discard"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from outbox import parked
from outbox.errors import NotWaiting
from outbox.management.settling import add_choice, require_choice


class Command(BaseCommand):
    help = "Events that could not be handled: list them, retry a key from its first on, or give its first up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["list", "retry", "discard"])
        add_choice(parser, ids="ids of parked events, each the first of its key", all="the first of every key")

    def handle(self, *, action: str, ids: list[int], all: bool, by: str, **_: Any) -> None:
        if action == "list":
            for row in parked.mine():
                place = f"{row.topic}/{row.partition}/{row.offset}"
                self.stdout.write(f"{row.id}\t{place}\t{row.type}\t{row.key}\t{row.attempts}\t{row.reason}")
            return
        require_choice(ids, all)
        try:
            for id in [row.id for row in parked.heads()] if all else ids:
                if action == "retry":
                    self.stdout.write(f"healed {parked.retry_key(id, by=by)} from {id} on")
                else:
                    parked.discard(id, by=by)
                    self.stdout.write(f"discarded {id}")
        except NotWaiting as error:
            raise CommandError(str(error)) from error
