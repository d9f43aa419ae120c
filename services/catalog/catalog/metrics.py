"""Figures that the web process reads from rows when it is scraped."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError
from django.db.models import Count
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from catalog.models import Discrepancy, Reservation


class StockFigures(Collector):
    """Violations found so far, discrepancies that wait for a person, reservations by state."""

    def describe(self) -> list[Metric]:
        return list(_families())

    def collect(self) -> Iterator[Metric]:
        violations, discrepancies, reservations = _families()
        try:
            found = Discrepancy.objects.filter(kind="invariant").count()
            waiting = Discrepancy.objects.filter(resolved_at=None).count()
            states = dict(Reservation.objects.values_list("state").annotate(count=Count("pk")))
        except DatabaseError:
            return
        violations.add_metric(["I2"], found)
        discrepancies.add_metric([], waiting)
        for state, count in states.items():
            reservations.add_metric([state], count)
        yield from (violations, discrepancies, reservations)


def _families() -> tuple[CounterMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
    return (
        CounterMetricFamily("invariant_violations", "Invariants that the audit found violated", labels=["invariant"]),
        GaugeMetricFamily("stock_discrepancies", "Discrepancies that wait for a person", labels=[]),
        GaugeMetricFamily("reservations", "Reservations by state", labels=["state"]),
    )


def register(registry: CollectorRegistry = REGISTRY) -> None:
    """Once per process; registering again changes nothing."""
    if StockFigures not in {type(each) for each in registry._collector_to_names}:
        registry.register(StockFigures())
