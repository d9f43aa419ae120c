"""Expire unpaid orders by hand."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from outbox.transactions import retry_conflicts

from orders.models import Order
from orders.use_cases import orders


class Command(BaseCommand):
    help = "Expire unpaid orders whose time is up; with --order NUMBER --now, that one at once."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--order", metavar="NUMBER")
        parser.add_argument("--now", action="store_true", help="do not wait for expires_at and for the topics")

    def handle(self, *args, **options) -> None:
        if options["now"] and not options["order"]:
            raise CommandError("--now needs --order NUMBER: all unpaid orders at once is never what you want.")
        now = timezone.now()
        ids = orders.orders_to_expire(now=now)
        if options["order"]:
            ids = list(Order.objects.filter(number=options["order"]).values_list("pk", flat=True))
            if not ids:
                raise CommandError(f"There is no order {options['order']}.")
        expired = [self._expire(order_id, now, options["now"]) for order_id in ids]
        self.stdout.write(f"{sum(expired)} of {len(ids)} expired")
        if options["order"] and not any(expired):
            raise CommandError("It was not expired: it is not unpaid, or not late enough (see --now).")

    def _expire(self, order_id, now, at_once: bool) -> bool:
        return retry_conflicts(
            lambda: orders.expire_order(
                order_id=order_id, now=now, at_once=at_once, cause="operator:command" if at_once else None
            )
        )
