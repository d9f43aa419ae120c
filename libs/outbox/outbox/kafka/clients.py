"""How a client is configured. Only this package imports confluent_kafka; clients are made after a fork."""

from typing import Any

from outbox.conf import conf


def settings(role: str, **others: Any) -> dict[str, Any]:
    """librdkafka's configuration of a client of this service."""
    given = {
        "bootstrap.servers": conf.BOOTSTRAP_SERVERS,
        "client.id": f"{conf.CLIENT_ID}-{conf.SERVICE}-{role}",
        "security.protocol": conf.SECURITY_PROTOCOL,
        "sasl.mechanism": conf.SASL_MECHANISM,
        "sasl.username": conf.SASL_USERNAME,
        "sasl.password": conf.SASL_PASSWORD,
        "reconnect.backoff.max.ms": 1000,
        "log_level": 2,  # what matters arrives in error_cb
        **others,
    }
    return {name: value for name, value in given.items() if value not in (None, "")}
