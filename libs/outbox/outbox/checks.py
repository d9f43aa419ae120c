"""What must be right before anything runs."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.compatibility)
def check_database(**_: Any) -> list[CheckMessage]:
    """The tables need MySQL; stricter isolation than READ COMMITTED lets relays block writers."""
    database = settings.DATABASES["default"]
    isolation = database.get("OPTIONS", {}).get("isolation_level", "read committed")
    found: list[CheckMessage] = []
    if "mysql" not in database["ENGINE"]:
        found.append(Error("the outbox needs MySQL or MariaDB", id="outbox.E001"))
    if isolation is None or isolation.lower() != "read committed":
        found.append(Error(f"the isolation level is {isolation}, not read committed", id="outbox.E002"))
    return found
