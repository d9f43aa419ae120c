"""What payments' rows show when the web process is scraped: workers, which move the money, are not."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError
from django.db.models import Count
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from payments.domain.facts import State

GAUGES = {
    "payments_refunds_failed": "Refunds that failed and wait for a person",
    "payments_surplus_open": "Second successes and wrong amounts that have not gone back yet",
    "payments_operations_unknown": "Calls to the provider whose result is not known",
}


class PaymentRows(Collector):
    """Counts rows; without a database it has nothing to say."""

    def describe(self) -> list[GaugeMetricFamily]:
        return [_by_state(), *(GaugeMetricFamily(name, text) for name, text in GAUGES.items())]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        from payments.models import Attempt, Payment, ProviderOperation, Refund

        try:
            states = dict(Payment.objects.values_list("state").annotate(rows=Count("pk")).order_by())
            counted = {
                "payments_refunds_failed": Refund.objects.filter(state="failed").count(),
                "payments_surplus_open": Attempt.objects.filter(state="surplus").count(),
                "payments_operations_unknown": ProviderOperation.objects.filter(
                    open_payment__isnull=False, state="unknown"
                ).count(),
            }
        except DatabaseError:
            return
        by_state = _by_state()
        for state in State:
            by_state.add_metric([str(state)], states.get(str(state), 0))
        yield by_state
        for name, text in GAUGES.items():
            yield GaugeMetricFamily(name, text, value=counted[name])


def _by_state() -> GaugeMetricFamily:
    return GaugeMetricFamily("payments_by_state", "Payments by their state", labels=["state"])


def register() -> None:
    """Expose the rows; for the web process, once."""
    REGISTRY.register(PaymentRows())
