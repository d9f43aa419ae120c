"""The library's settings: the dict `OUTBOX` of the Django settings over the defaults below."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DEFAULTS: dict[str, Any] = {
    "SERVICE": None,  # required: name of this service; it is the consumer's name and its Kafka group too
    "TOPIC": None,  # the one topic this service writes; None: it publishes nothing
    "SUBSCRIPTIONS": [],  # the topics it reads
    "HANDLERS": None,  # dotted path to {event type: handler}
    "SCHEMAS": None,  # folder with `<type>.schema.json` of what it publishes
    "VALIDATE": True,  # check each payload against its schema when it is written
    "WAKE_URL": None,  # Redis that wakes the relay; None: the relay polls once a second
    "BOOTSTRAP_SERVERS": "localhost:9092",  # empty: nothing is sent, rows stay pending
    "CLIENT_ID": "outbox",  # the service's name is appended
    "IDEMPOTENCE": True,
    "PRODUCER": {},  # librdkafka's own settings for producers, over those of this library
    "CONSUMER": {},  # the same for consumers
    "GROUP_PROTOCOL": "classic",  # "consumer": the broker assigns partitions (Kafka 4.0 and later)
    "SECURITY_PROTOCOL": "PLAINTEXT",
    "SASL_MECHANISM": None,
    "SASL_USERNAME": None,
    "SASL_PASSWORD": None,
    "BATCH_SIZE": 50,  # rows per lane per claim
    "PUBLISH_SECONDS": 10.0,  # a claim waits no longer for Kafka; a frozen relay loses its lanes after thrice that
    "MAX_ATTEMPTS": 5,  # failures of the message's own before it is dead-lettered
    "MAX_PAYLOAD_BYTES": 900_000,
    "TOPICS_FILE": None,  # topics.toml; None: any topic is accepted, `topics_apply` has nothing to do
    "HANDLER_SPAN": None,  # dotted path to span(name, parent), a context manager that gives a handler's own traceparent
    "METRICS_PORT": None,  # relay and consumer expose their metrics here
}


_checked: dict[str, Any] = {}


def _given() -> dict[str, Any]:
    """The project's OUTBOX, looked through once for names that nobody knows."""
    global _checked
    given = getattr(settings, "OUTBOX", {})
    if given is not _checked:
        if unknown := given.keys() - DEFAULTS.keys():
            raise ImproperlyConfigured(f"OUTBOX has unknown settings: {', '.join(sorted(unknown))}")
        _checked = given
    return given


class Conf:
    """Attribute access to the settings, read anew each time so that tests may override them.

    Raises ImproperlyConfigured for a name that no default has, and for a missing SERVICE.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in DEFAULTS:
            raise AttributeError(name)
        value = _given().get(name, DEFAULTS[name])
        if name == "SERVICE" and not value:
            raise ImproperlyConfigured("OUTBOX['SERVICE'] must name this service")
        return value


conf = Conf()
