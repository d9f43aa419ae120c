"""manage.py outbox_dead list|replay|discard"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from outbox import dead
from outbox.errors import NotWaiting
from outbox.management.settling import add_choice, require_choice


class Command(BaseCommand):
    help = "Events that Kafka refused for good: list them, send them again in their old place, or give them up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["list", "replay", "discard"])
        add_choice(parser, ids="ids of dead events", all="all that wait")

    def handle(self, *, action: str, ids: list[int], all: bool, by: str, **_: Any) -> None:
        if action == "list":
            for row in dead.waiting():
                self.stdout.write(f"{row.id}\t{row.dead_at:%Y-%m-%d %H:%M:%S}\t{row.type}\t{row.key}\t{row.reason}")
            return
        require_choice(ids, all)
        settle = {"replay": dead.replay, "discard": dead.discard}[action]
        try:
            for id in [row.id for row in dead.waiting()] if all else ids:
                settle(id, by=by)
                self.stdout.write(f"{action} {id}")
        except NotWaiting as error:
            raise CommandError(str(error)) from error
