"""Deliveries by result in the process that sends, and the rows that are still open when the web process is scraped."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError
from django.db.models import Count
from prometheus_client import REGISTRY, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

DELIVERIES = Counter("notifications_deliveries_total", "Attempts to deliver, by result", ["template", "result"])
OPEN_ROWS = "notifications_deliveries_open"
OPEN_STATES = ["pending", "sending", "failed"]


class OpenDeliveries(Collector):
    """Counts mails that are not sent; without a database it has nothing to say."""

    def describe(self) -> list[GaugeMetricFamily]:
        return [GaugeMetricFamily(OPEN_ROWS, "Mails that are not sent", labels=["state"])]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        from notifications.models import Delivery

        try:
            counted = Delivery.objects.filter(state__in=OPEN_STATES).values_list("state").annotate(rows=Count("pk"))
            rows = dict(counted.order_by())
        except DatabaseError:
            return
        (family,) = self.describe()
        for state in OPEN_STATES:
            family.add_metric([state], rows.get(state, 0))
        yield family


def register() -> None:
    """Expose the open rows; for the web process, once."""
    REGISTRY.register(OpenDeliveries())
