"""Say in words what lies where of a SKU, to whom it is promised, and what moved last."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from catalog.models import Discrepancy, ReservationLine, Stock, StockMovement


class Command(BaseCommand):
    help = "Explain the stock of a SKU: rows, promises, last movements, open discrepancies."

    def add_arguments(self, parser) -> None:
        parser.add_argument("sku")

    def handle(self, *args, sku: str, **options) -> None:
        rows = list(Stock.objects.filter(variant_id=sku).order_by("warehouse_id"))
        if not rows:
            raise CommandError(f"no warehouse keeps {sku}")
        for row in rows:
            self.stdout.write(
                f"{row.warehouse_id}: {row.on_hand} on hand, {row.held} held, {row.committed} committed,"
                f" {row.available} available; level {'not yet' if row.level_changed else 'was'} told"
            )
        promised = ReservationLine.objects.filter(sku=sku, reservation__state__in=["held", "committed"])
        for line in promised.select_related("reservation").order_by("reservation__created_at")[:50]:
            order, units = line.reservation, line.facts().open
            self.stdout.write(f"{order.state} for {order.order_number}: {units} in {line.warehouse}")
        for moved in StockMovement.objects.filter(sku=sku).order_by("-id")[:20]:
            self.stdout.write(
                f"{moved.at:%Y-%m-%d %H:%M:%S} {moved.warehouse} {moved.reason} {moved.reference}:"
                f" on hand {moved.on_hand:+d}, held {moved.held:+d}, committed {moved.committed:+d}"
            )
        for each in Discrepancy.objects.filter(sku=sku, resolved_at=None):
            self.stdout.write(f"DISCREPANCY {each.found_at:%Y-%m-%d %H:%M:%S} {each.warehouse}: {each.detail}")
