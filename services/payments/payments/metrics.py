"""What payments' rows show when the web process is scraped: workers, which move the money, are not."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError, connection
from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from payments.domain.facts import State

INVARIANTS = ("I3", "I8")
VIOLATIONS = "SELECT invariant, COUNT(*) FROM payments_violation GROUP BY invariant"
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
    "payments_disputes_open": (
        "Charges that a bank contests, with evidence still to be given or judged",
        "SELECT COUNT(*) FROM payments_dispute WHERE state = 'open'",
    ),
    "payments_differences_open": (
        "Differences between settlement reports and the books that nobody has explained yet",
        "SELECT COUNT(*) FROM payments_difference WHERE resolved_at IS NULL",
    ),
    "payments_invariants_broken": (
        "Violations of invariants that the last audit found",
        "SELECT COUNT(*) FROM payments_violation WHERE gone_at IS NULL",
    ),
    "payments_operations_unknown": (
        "Calls to the provider whose result is not known",
        "SELECT COUNT(*) FROM payments_provideroperation WHERE open_payment IS NOT NULL AND state = 'unknown'",
    ),
}


class PaymentRows(Collector):
    """Counts rows when it is scraped; without a database it has nothing to say."""

    def describe(self) -> list[Metric]:
        return [_by_state(), _violations(), *(GaugeMetricFamily(name, text) for name, (text, _) in ROW_COUNTS.items())]

    def collect(self) -> Iterator[Metric]:
        try:
            states, violations, counted = _count()
        except DatabaseError:
            return
        found = _violations()
        for invariant in INVARIANTS:
            found.add_metric([invariant], violations.get(invariant, 0))
        yield found
        by_state = _by_state()
        for state in State:
            by_state.add_metric([str(state)], states.get(str(state), 0))
        yield by_state
        for name, (text, _) in ROW_COUNTS.items():
            yield GaugeMetricFamily(name, text, value=counted[name])


def _count() -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    counted = {}
    with connection.cursor() as cursor:
        cursor.execute(BY_STATE)
        states = dict(cursor.fetchall())
        cursor.execute(VIOLATIONS)
        violations = dict(cursor.fetchall())
        for name, (_, query) in ROW_COUNTS.items():
            cursor.execute(query)
            counted[name] = cursor.fetchone()[0]
    return states, violations, counted


def _by_state() -> GaugeMetricFamily:
    return GaugeMetricFamily("payments_by_state", "Payments by their state", labels=["state"])


def _violations() -> CounterMetricFamily:
    return CounterMetricFamily("invariant_violations", "Invariants that the audit found violated", labels=["invariant"])


def register() -> None:
    """Expose the rows; for the web process, once."""
    REGISTRY.register(PaymentRows())
