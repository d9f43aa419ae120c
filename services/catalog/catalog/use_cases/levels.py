"""Telling the others what is available: a snapshot per SKU, written by a sweep over what changed."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from outbox.publishing import publish

from catalog.domain.reservations import DomainEvent
from catalog.models import Stock, StockLevel, Warehouse

LEAST_INTERVAL = timedelta(seconds=1)


def changed_skus(*, now: datetime, limit: int = 1000) -> list[str]:
    """SKUs whose level the others do not know, but for those that were told less than a second ago."""
    changed = Stock.objects.filter(level_changed=True)
    just_told = StockLevel.objects.filter(published_at__gt=now - LEAST_INTERVAL)
    skus = changed.exclude(variant_id__in=just_told.values("variant_id")).order_by("variant_id")
    return list(skus.values_list("variant_id", flat=True).distinct()[:limit])


def publish_level(*, sku: str, now: datetime, even_if_known: bool = False) -> bool:
    """Say what is available of a SKU, in every warehouse that keeps it; False when another sweep has said it."""
    with transaction.atomic(savepoint=False):
        rows = Stock.objects.select_for_update().filter(variant_id=sku).order_by("warehouse_id")
        stock = list(rows.prefetch_related("warehouse"))
        if not even_if_known and not any(row.level_changed for row in stock):
            return False
        StockLevel.objects.bulk_create([StockLevel(variant_id=sku)], ignore_conflicts=True)
        level = StockLevel.objects.select_for_update().get(pk=sku)
        level.version += 1
        level.published_at = now
        level.save()
        Stock.objects.filter(pk__in=[row.pk for row in stock]).update(level_changed=False)
        places = Warehouse.objects.in_bulk([row.warehouse_id for row in stock])
        warehouses = [
            {"code": row.warehouse_id, "country": places[row.warehouse_id].country, "available": row.available}
            for row in stock
        ]
        data = {"sku": sku, "version": level.version, "warehouses": warehouses}
        publish(DomainEvent("crossborder.stock.level_changed.v1", sku, f"stock/{sku}", level.version, data))
    return True
