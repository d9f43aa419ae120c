"""Forgetting what the inbox need not know any more."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from outbox.conf import conf

KEEP_DAYS = 21  # longer than the topics keep events (14 days): no duplicate can come after
ROWS_AT_ONCE = 5000


def purge(days: float = KEEP_DAYS) -> int:
    """Delete this consumer's inbox rows older than `days`, in small transactions; how many."""
    before, deleted = timezone.now() - timedelta(days=days), 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM inbox WHERE received_at < %s AND consumer = %s ORDER BY received_at LIMIT %s",
                [before, conf.SERVICE, ROWS_AT_ONCE],
            )
            deleted += cursor.rowcount
            if cursor.rowcount < ROWS_AT_ONCE:
                return deleted
