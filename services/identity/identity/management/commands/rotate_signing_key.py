"""Make a new key that signs access tokens."""

from django.core.management.base import BaseCommand
from django.utils import timezone

from identity.models import SigningKey
from identity.tokens import new_signing_key


class Command(BaseCommand):
    help = (
        "Make a new signing key. It is published at once and signs in ten minutes; the old one verifies an hour longer."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("--if-missing", action="store_true", help="do nothing when there is a key")

    def handle(self, *args, **options) -> None:
        if options["if_missing"] and SigningKey.objects.exists():
            return
        key = new_signing_key(timezone.now())
        self.stdout.write(f"key {key.kid} signs from {key.signs_from.isoformat()}")
