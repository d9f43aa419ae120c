"""Settings of the notifications service; .env.example says what each variable means."""

from chassis.settings import Service

service = Service(
    __file__,
    publishes=None,
    subscribes=["KAFKA_ORDERS_TOPIC", "KAFKA_STOCK_TOPIC", "KAFKA_PAYMENTS_TOPIC", "KAFKA_USERS_TOPIC"],
)
env = service.env
globals().update(service.settings())

BEAT_SCHEDULES |= {"notifications.tasks.retry_deliveries": 15}  # type: ignore[name-defined]  # noqa: F821
