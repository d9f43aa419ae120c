"""manage.py parcels: what was packed."""

from typing import Any

from django.core.management.base import BaseCommand

from shop.models import Parcel


class Command(BaseCommand):
    help = "List the parcels."

    def handle(self, **_: Any) -> None:
        for parcel in Parcel.objects.order_by("pk"):
            self.stdout.write(f"order {parcel.order_key}: {parcel.label}")
