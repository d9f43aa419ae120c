"""Settings of the catalog service; .env.example says what each variable means."""

from chassis.settings import Service

service = Service(__file__, publishes="KAFKA_STOCK_TOPIC", subscribes=["KAFKA_ORDERS_TOPIC", "KAFKA_USERS_TOPIC"])
env = service.env
globals().update(service.settings())

RESERVATION_BACKSTOP_HOURS = env.int("RESERVATION_BACKSTOP_HOURS", 24, least=1)
BEAT_SCHEDULES |= {  # type: ignore[name-defined]  # noqa: F821
    "catalog.tasks.publish_levels": 5,
    "catalog.tasks.release_backstop": 3600,
    "catalog.tasks.audit_invariants": 3600,
}
