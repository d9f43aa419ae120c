"""manage.py topics_apply"""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from outbox.errors import BrokerUnavailable
from outbox.topics import topics


class Command(BaseCommand):
    help = "Make the topics of the topics file on the broker; what is there already is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="for the broker (default: 0)")
        parser.add_argument("--seconds", type=float, default=10.0, help="for each answer of it (default: 10)")

    def handle(self, *, wait: float, seconds: float, **_: Any) -> None:
        from outbox.kafka.administration import apply_topics

        deadline = time.monotonic() + wait
        while True:
            try:
                done = apply_topics(topics().values(), seconds)
                break
            except BrokerUnavailable as error:
                if time.monotonic() >= deadline:
                    raise CommandError(f"the topics could not be made: {error}") from error
                time.sleep(0.5)
        self.stdout.write("\n".join(done) or "nothing to do")
