"""manage.py outbox_status"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from outbox.conf import conf
from outbox.metrics import row_counts
from outbox.models import ConsumerProgress


class Command(BaseCommand):
    help = "What waits, is dead or parked, and how far the consumer has read."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *, json: bool, **_: Any) -> None:
        figures = row_counts()
        progress = {
            f"{row.topic}/{row.partition}": row.caught_up_at.isoformat()
            for row in ConsumerProgress.objects.filter(consumer=conf.SERVICE).order_by("topic", "partition")
        }
        if json:
            self.stdout.write(_dumps({**figures, "caught_up_at": progress}))
            return
        for name, value in figures.items():
            self.stdout.write(f"{name:32} {value:g}")
        for partition, moment in progress.items():
            self.stdout.write(f"caught up {partition:22} {moment}")


def _dumps(value: object) -> str:
    return json.dumps(value)
