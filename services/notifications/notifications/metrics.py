"""Deliveries by result in the process that sends, and the rows that are still open when the web process is scraped."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError
from django.db.models import Count
from prometheus_client import REGISTRY, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

DELIVERIES = Counter("notifications_deliveries_total", "Attempts to deliver, by result", ["template", "result"])
WEBHOOKS = Counter("notifications_webhooks_total", "Attempts to post a webhook, by result", ["event", "result"])
OPEN_ROWS = "notifications_deliveries_open"
OPEN_WEBHOOKS = "notifications_webhooks_open"
OPEN_STATES = ["pending", "sending", "failed"]


class OpenDeliveries(Collector):
    """Counts mails and webhooks that are not sent; without a database it has nothing to say."""

    def describe(self) -> list[GaugeMetricFamily]:
        return [
            GaugeMetricFamily(OPEN_ROWS, "Mails that are not sent", labels=["state"]),
            GaugeMetricFamily(OPEN_WEBHOOKS, "Webhooks that are not delivered", labels=["state"]),
        ]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        from notifications.models import Delivery, WebhookDelivery

        for family, model in zip(self.describe(), (Delivery, WebhookDelivery), strict=True):
            opened = model._default_manager.filter(state__in=OPEN_STATES).values_list("state")
            try:
                rows = dict(opened.annotate(rows=Count("pk")).order_by())
            except DatabaseError:
                return
            for state in OPEN_STATES:
                family.add_metric([state], rows.get(state, 0))
            yield family


def register() -> None:
    """Expose the open rows; for the web process, once."""
    REGISTRY.register(OpenDeliveries())
