"""Say again who everybody is, so that another service can rebuild what it knows."""

from __future__ import annotations

import time

from django.core.management.base import BaseCommand
from django.db import transaction
from outbox.publishing import pending_count, publish

from identity.models import User
from identity.use_cases.accounts import snapshot

BATCH = 200
MOST_PENDING = 2000


class Command(BaseCommand):
    help = "Publish user.changed for every active or disabled account; pauses while many events wait for the relay."

    def handle(self, *args, **options) -> None:
        said, last = 0, None
        while True:
            while pending_count() > MOST_PENDING:
                time.sleep(1)
            with transaction.atomic():
                users = User.objects.shoppers().filter(status__in=["active", "disabled"]).order_by("pk")
                batch = list((users.filter(pk__gt=last) if last else users).select_for_update()[:BATCH])
                publish(*(snapshot(user, "changed") for user in batch))
            if not batch:
                break
            said, last = said + len(batch), batch[-1].pk
        self.stdout.write(f"{said} snapshots published")
