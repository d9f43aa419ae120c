"""manage.py outbox_relay"""

from typing import Any

from django.core.management.base import BaseCommand

from outbox.running import relay, run_together


class Command(BaseCommand):
    help = "Send committed events to Kafka, as soon as they are committed, until SIGTERM."

    def handle(self, **_: Any) -> None:
        run_together([relay])
