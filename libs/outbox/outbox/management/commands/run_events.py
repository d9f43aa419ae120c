"""manage.py run_events"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from outbox.running import roles, run_together


class Command(BaseCommand):
    help = "Relay and consumer in one process, for small machines; a service without one of them runs the other."

    def handle(self, **_: Any) -> None:
        mine = roles()
        if not mine:
            raise CommandError("this service neither publishes nor subscribes")
        run_together(mine)
