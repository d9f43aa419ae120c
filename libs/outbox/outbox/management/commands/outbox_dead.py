"""manage.py outbox_dead list|replay|discard"""

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from outbox import dead
from outbox.errors import NotWaiting


class Command(BaseCommand):
    help = "Events that Kafka refused for good: list them, send them again in their old place, or give them up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["list", "replay", "discard"])
        parser.add_argument("ids", nargs="*", type=int, help="ids of dead events")
        parser.add_argument("--all", action="store_true", help="all that wait")
        parser.add_argument("--by", default=getpass.getuser(), help="who decided (default: the system's user)")

    def handle(self, *, action: str, ids: list[int], all: bool, by: str, **_: Any) -> None:
        if action == "list":
            for row in dead.waiting():
                self.stdout.write(f"{row.id}\t{row.dead_at:%Y-%m-%d %H:%M:%S}\t{row.type}\t{row.key}\t{row.reason}")
            return
        settle = {"replay": dead.replay, "discard": dead.discard}[action]
        try:
            for id in [row.id for row in dead.waiting()] if all else ids:
                settle(id, by=by)
                self.stdout.write(f"{action} {id}")
        except NotWaiting as error:
            raise CommandError(str(error)) from error
