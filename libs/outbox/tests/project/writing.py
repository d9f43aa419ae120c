"""The use case of the tests: count a key up and say so."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from outbox.publishing import publish

from project.models import Counter

COUNTED = "test.counter.counted.v1"


@dataclass(frozen=True)
class Counted:
    key: str
    sequence: int
    data: dict[str, Any]
    type: str = COUNTED

    @property
    def subject(self) -> str:
        return f"counter/{self.key}"


def count(key: str, **data: Any) -> int:
    """Lock the counter, count, publish; the new number."""
    with transaction.atomic(savepoint=False):
        Counter.objects.get_or_create(key=key)
        counter = Counter.objects.select_for_update().get(key=key)
        counter.version += 1
        counter.save()
        publish(Counted(key, counter.version, {"number": counter.version, **data}))
    return counter.version
