"""Say again what every item is and what is available of it, so that another service can rebuild what it knows."""

from __future__ import annotations

import time

from django.core.management.base import BaseCommand
from django.utils import timezone
from outbox.publishing import pending_count

from catalog.models import Product, Stock
from catalog.use_cases import items, levels

MOST_PENDING = 2000


class Command(BaseCommand):
    help = "Publish item.changed and stock.level_changed for every SKU; pauses while many events wait for the relay."

    def handle(self, *args, **options) -> None:
        products = list(Product.objects.order_by("pk").values_list("pk", flat=True))
        for product_id in products:
            _wait_for_the_relay()
            items.republish(product_id=product_id)
        skus = list(Stock.objects.order_by("variant_id").values_list("variant_id", flat=True).distinct())
        for sku in skus:
            _wait_for_the_relay()
            levels.publish_level(sku=sku, now=timezone.now(), even_if_known=True)
        self.stdout.write(f"items of {len(products)} products and levels of {len(skus)} SKUs published")


def _wait_for_the_relay() -> None:
    while pending_count() > MOST_PENDING:
        time.sleep(1)
