"""Settings of the catalog service; .env.example says what each variable means."""

from chassis.settings import Service

service = Service(__file__, publishes="KAFKA_STOCK_TOPIC", subscribes=["KAFKA_ORDERS_TOPIC", "KAFKA_USERS_TOPIC"])
env = service.env
globals().update(service.settings())
