"""The handler of the measured consumer: one UPDATE."""

from datetime import datetime

from django.db import connection
from outbox.events import Event

from .placing import PLACED

UPDATE = "UPDATE shop_stock SET level = level + 1 WHERE sku = %s"


def on_placed(event: Event, *, now: datetime) -> None:
    """Count it, by one statement."""
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, [f"{event.data['sku']}"])


HANDLERS = {PLACED: on_placed}
