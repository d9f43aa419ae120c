"""What must be right before anything runs."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from outbox.conf import conf
from outbox.topics import topics


@register(Tags.compatibility)
def check_settings(**_: Any) -> list[CheckMessage]:
    """Values that would be taken silently and mean something else."""
    found: list[CheckMessage] = []
    if conf.GROUP_PROTOCOL not in ("classic", "consumer"):
        found.append(Error(f"GROUP_PROTOCOL is {conf.GROUP_PROTOCOL!r}, not classic or consumer", id="outbox.E003"))
    for name, least in (("PUBLISH_SECONDS", 0.5), ("BATCH_SIZE", 1), ("MAX_ATTEMPTS", 1)):
        if getattr(conf, name) < least:
            found.append(Error(f"{name} is {getattr(conf, name)}, at least {least} is needed", id="outbox.E004"))
    try:
        topics()
    except ImproperlyConfigured as error:
        found.append(Error(str(error), id="outbox.E005"))
    return found


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
