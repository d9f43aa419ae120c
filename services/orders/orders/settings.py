"""Settings of the orders service; .env.example says what each variable means."""

from chassis.settings import Service

service = Service(
    __file__,
    publishes="KAFKA_ORDERS_TOPIC",
    subscribes=["KAFKA_STOCK_TOPIC", "KAFKA_PAYMENTS_TOPIC", "KAFKA_USERS_TOPIC"],
)
env = service.env
globals().update(service.settings())
