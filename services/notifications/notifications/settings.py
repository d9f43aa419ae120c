"""Settings of the notifications service; .env.example says what each variable means."""

from chassis.settings import Service

service = Service(
    __file__,
    publishes=None,
    subscribes=["KAFKA_ORDERS_TOPIC", "KAFKA_STOCK_TOPIC", "KAFKA_PAYMENTS_TOPIC", "KAFKA_USERS_TOPIC"],
)
env = service.env
globals().update(service.settings())

WEBHOOKS_PRIVATE_NETWORKS = env.networks("WEBHOOKS_PRIVATE_NETWORKS", [])

BEAT_SCHEDULES |= {  # type: ignore[name-defined]  # noqa: F821
    "notifications.tasks.retry_deliveries": 15,
    "notifications.tasks.retry_webhooks": 15,
    "notifications.tasks.forget_webhooks": 3600,
}
