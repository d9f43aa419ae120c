"""Invariant I2, checked: stock is what its ledger adds up to, and what is promised is what reservations hold."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from django.db import connection

from catalog.models import Discrepancy

logger = logging.getLogger(__name__)

# One statement each, so that each compares one moment's rows with one another.
DIFFERENCES = {
    "the ledger adds up to": """
        SELECT s.sku, s.warehouse, s.on_hand, s.held, s.committed,
               COALESCE(m.on_hand, 0), COALESCE(m.held, 0), COALESCE(m.committed, 0)
        FROM catalog_stock s
        LEFT JOIN (SELECT sku, warehouse, SUM(on_hand) AS on_hand, SUM(held) AS held, SUM(committed) AS committed
                   FROM catalog_stockmovement GROUP BY sku, warehouse) m
               ON m.sku = s.sku AND m.warehouse = s.warehouse
        WHERE s.on_hand <> COALESCE(m.on_hand, 0) OR s.held <> COALESCE(m.held, 0)
           OR s.committed <> COALESCE(m.committed, 0)
           OR s.on_hand < s.held + s.committed OR s.held < 0 OR s.committed < 0""",
    "reservations add up to": """
        SELECT s.sku, s.warehouse, s.on_hand, s.held, s.committed,
               s.on_hand, COALESCE(r.held, 0), COALESCE(r.committed, 0)
        FROM catalog_stock s
        LEFT JOIN (SELECT l.sku, l.warehouse,
                          SUM(IF(r.state = 'held', l.quantity - l.fulfilled - l.released, 0)) AS held,
                          SUM(IF(r.state = 'committed', l.quantity - l.fulfilled - l.released, 0)) AS committed
                   FROM catalog_reservationline l JOIN catalog_reservation r ON r.order_id = l.reservation_id
                   WHERE r.state IN ('held', 'committed') GROUP BY l.sku, l.warehouse) r
               ON r.sku = s.sku AND r.warehouse = s.warehouse
        WHERE s.held <> COALESCE(r.held, 0) OR s.committed <> COALESCE(r.committed, 0)""",
}


def check_stock(*, now: datetime) -> int:
    """Write down and log every row of stock that does not add up, a known one only once; returns how many."""
    found = list(_differences())
    known = Discrepancy.objects.filter(kind="invariant", resolved_at=None)
    told = set(known.values_list("sku", "warehouse"))
    for sku, warehouse, detail in found:
        logger.error("invariant I2 is violated", extra={"sku": sku, "warehouse": warehouse, "detail": detail})
        if (sku, warehouse) not in told:
            told.add((sku, warehouse))
            Discrepancy.objects.create(kind="invariant", sku=sku, warehouse=warehouse, detail=detail, found_at=now)
    return len(found)


def _differences() -> Iterator[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        for what, query in DIFFERENCES.items():
            cursor.execute(query)
            for sku, warehouse, *figures in cursor.fetchall():
                is_now, should_be = [[int(figure) for figure in part] for part in (figures[:3], figures[3:])]
                yield sku, warehouse, f"on hand, held, committed: {is_now}; {what} {should_be}"
