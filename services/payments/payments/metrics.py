"""What payments' rows show when the web process is scraped: workers, which move the money, are not."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError, connection
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from payments.domain.facts import State

BY_STATE = "SELECT state, COUNT(*) FROM payments_payment GROUP BY state"
ROW_COUNTS = {
    "payments_refunds_failed": (
        "Refunds that failed and wait for a person",
        "SELECT COUNT(*) FROM payments_refund WHERE state = 'failed'",
    ),
    "payments_surplus_open": (
        "Second successes and wrong amounts that have not gone back yet",
        "SELECT COUNT(*) FROM payments_attempt WHERE state = 'surplus'",
    ),
    "payments_operations_unknown": (
        "Calls to the provider whose result is not known",
        "SELECT COUNT(*) FROM payments_provideroperation WHERE open_payment IS NOT NULL AND state = 'unknown'",
    ),
}


class PaymentRows(Collector):
    """Counts rows when it is scraped; without a database it has nothing to say."""

    def describe(self) -> list[GaugeMetricFamily]:
        return [_by_state(), *(GaugeMetricFamily(name, text) for name, (text, _) in ROW_COUNTS.items())]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            states, counted = _count()
        except DatabaseError:
            return
        by_state = _by_state()
        for state in State:
            by_state.add_metric([str(state)], states.get(str(state), 0))
        yield by_state
        for name, (text, _) in ROW_COUNTS.items():
            yield GaugeMetricFamily(name, text, value=counted[name])


def _count() -> tuple[dict[str, int], dict[str, int]]:
    counted = {}
    with connection.cursor() as cursor:
        cursor.execute(BY_STATE)
        states = dict(cursor.fetchall())
        for name, (_, query) in ROW_COUNTS.items():
            cursor.execute(query)
            counted[name] = cursor.fetchone()[0]
    return states, counted


def _by_state() -> GaugeMetricFamily:
    return GaugeMetricFamily("payments_by_state", "Payments by their state", labels=["state"])


def register() -> None:
    """Expose the rows; for the web process, once."""
    REGISTRY.register(PaymentRows())
