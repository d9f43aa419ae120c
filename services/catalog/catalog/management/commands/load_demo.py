"""Load the demo shop: categories, products in three languages, prices in four currencies, pictures and stock."""

from functools import partial

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone
from outbox.transactions import retry_conflicts

from catalog.demo_shop.loading import load
from catalog.use_cases import levels


class Command(BaseCommand):
    help = "Load the demo shop from demo/; idempotent, and quick when its files have not changed."

    def handle(self, *args, verbosity: int, **options) -> None:
        now = timezone.now()
        loaded = load(settings.BASE_DIR / "demo", now=now)
        if loaded:  # told at once, not by the sweep: the shop can be quoted when it opens
            for sku in levels.changed_skus(now=now):
                retry_conflicts(partial(levels.publish_level, sku=sku, now=now))
        if verbosity:
            self.stdout.write(f"{loaded} products written" if loaded else "the demo shop is loaded already")
