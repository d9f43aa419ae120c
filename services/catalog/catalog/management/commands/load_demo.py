"""Load the demo shop: categories, products in three languages, prices in four currencies, pictures and stock."""

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from catalog.demo_shop.loading import load


class Command(BaseCommand):
    help = "Load the demo shop from demo/; idempotent, and quick when its files have not changed."

    def handle(self, *args, verbosity: int, **options) -> None:
        loaded = load(settings.BASE_DIR / "demo", now=timezone.now())
        if verbosity:
            self.stdout.write(f"{loaded} products written" if loaded else "the demo shop is loaded already")
