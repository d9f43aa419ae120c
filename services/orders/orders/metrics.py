"""Figures that the web process reads from rows when it is scraped."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError
from django.db.models import Count
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from orders.domain.asking import ALARM
from orders.domain.refunds import RefundState
from orders.models import Order, Refund, Return, Violation
from orders.use_cases.asking import OWED


class OrderFigures(Collector):
    """Violations found so far, orders that wait by state, refunds and returns that are open, who never answers."""

    def describe(self) -> list[Metric]:
        return list(_families())

    def collect(self) -> Iterator[Metric]:
        violations, unanswered, moving, refunds, returns = _families()
        try:
            found = dict(Violation.objects.values_list("invariant").annotate(count=Count("pk")))
            waiting = Order.objects.filter(state__in=[state.value for state in OWED])
            states = dict(waiting.values_list("state").annotate(count=Count("pk")))
            silent = waiting.filter(asked_again__gte=ALARM).count()
            open_refunds = Refund.objects.exclude(state=RefundState.SUCCEEDED)
            silent += open_refunds.filter(state=RefundState.REQUESTED, asked_again__gte=ALARM).count()
            refunded = dict(open_refunds.values_list("state").annotate(count=Count("pk")))
            asked = dict(Return.objects.values_list("state").annotate(count=Count("pk")))
        except DatabaseError:
            return
        for family, counts in ((violations, found), (moving, states), (refunds, refunded), (returns, asked)):
            for label, count in counts.items():
                family.add_metric([label], count)
        unanswered.add_metric([], silent)
        yield from (violations, unanswered, moving, refunds, returns)


def _families() -> tuple[
    CounterMetricFamily, GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily
]:
    return (
        CounterMetricFamily("invariant_violations", "Invariants that the audit found violated", labels=["invariant"]),
        GaugeMetricFamily("orders_unanswered", "Orders and refunds asked for three times without an answer", labels=[]),
        GaugeMetricFamily("orders_waiting", "Orders that wait for another service, by state", labels=["state"]),
        GaugeMetricFamily("orders_refunds_open", "Refunds that have not gone back, by state", labels=["state"]),
        GaugeMetricFamily("orders_returns", "Returns by state", labels=["state"]),
    )


def register(registry: CollectorRegistry = REGISTRY) -> None:
    """Once per process; registering again changes nothing."""
    if OrderFigures not in {type(each) for each in registry._collector_to_names}:
        registry.register(OrderFigures())
