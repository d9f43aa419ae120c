"""manage.py place 3: places so many orders."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from shop.use_cases import place_order


class Command(BaseCommand):
    help = "Place orders."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("count", type=int, nargs="?", default=1)

    def handle(self, *, count: int, **_: Any) -> None:
        for _number in range(count):
            order = place_order(item="mug", quantity=1)
            self.stdout.write(f"order {order.pk} placed")
