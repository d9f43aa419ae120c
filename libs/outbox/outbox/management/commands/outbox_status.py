"""manage.py outbox_status"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from outbox.conf import conf
from outbox.errors import BrokerUnavailable
from outbox.metrics import row_counts
from outbox.models import ConsumerProgress, KeyBlock

SHOWN = 10  # waiting keys


class Command(BaseCommand):
    help = "What waits, is dead or parked, and how far the consumer has read."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *, json: bool, **_: Any) -> None:
        try:
            figures, lag = row_counts(), _lag()
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"The database does not answer: {error}") from error
        if json:
            progress = {f"{row.topic}/{row.partition}": row.caught_up_at.isoformat() for row in _progress()}
            self.stdout.write(_dumps({**figures, "caught_up_at": progress, "lag": lag}))
            return
        self.stdout.write(f"{conf.SERVICE}: writes {conf.TOPIC or 'nothing'}")
        self._show_rows(figures)
        self._show_keys()
        self._show_reading(lag)

    def _show_rows(self, figures: dict[str, float]) -> None:
        for text, name, more in (
            ("waiting to be sent", "outbox_pending", f"oldest {_age(figures['outbox_oldest_pending_seconds'])}"),
            ("keys that wait", "outbox_blocked_keys", ""),
            ("dead", "outbox_dead", "outbox_dead list|replay|discard"),
            (
                "parked",
                "inbox_parked",
                f"oldest {_age(figures['inbox_oldest_parked_seconds'])}; inbox_parked list|retry",
            ),
        ):
            count = int(figures[name])
            self.stdout.write(f"  {text:20}{count:>9}  {more if count else ''}".rstrip())

    def _show_keys(self) -> None:
        blocks = KeyBlock.objects.order_by("until")
        for block in blocks[:SHOWN]:
            seconds = (block.until - timezone.now()).total_seconds() if block.until else 0
            waits = f"tried again in {_age(max(0, seconds))}" if block.until else "for a person: its event is dead"
            self.stdout.write(f"    {block.key}: waits, {waits}; {block.attempts} attempts; {block.error}")
        if (more := blocks.count() - SHOWN) > 0:
            self.stdout.write(f"    and {more} more")

    def _show_reading(self, lag: dict[str, int] | None) -> None:
        for topic in conf.SUBSCRIPTIONS:
            moments = [row.caught_up_at for row in _progress() if row.topic == topic]
            slowest = f"{_age((timezone.now() - min(moments)).total_seconds())} ago" if moments else "never"
            waiting = "unknown: kafka is away" if lag is None else str(lag.get(topic, 0))
            self.stdout.write(f"  reads {topic:24} to its end {slowest}, {len(moments)} partitions; lag {waiting}")


def _lag() -> dict[str, int] | None:
    """Messages that this service's group has not committed yet, per topic; None when the broker does not say."""
    from outbox.kafka.administration import group_lag

    if not conf.SUBSCRIPTIONS or not conf.BOOTSTRAP_SERVERS:
        return {}
    try:
        return group_lag(conf.SUBSCRIPTIONS, seconds=2)
    except BrokerUnavailable:
        return None


def _progress() -> list[ConsumerProgress]:
    return list(ConsumerProgress.objects.filter(consumer=conf.SERVICE).order_by("topic", "partition"))


def _age(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _dumps(value: object) -> str:
    return json.dumps(value)
