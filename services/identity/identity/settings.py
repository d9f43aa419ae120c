"""Settings of the identity service; .env.example says what each variable means."""

from chassis.settings import Service

service = Service(__file__, publishes="KAFKA_USERS_TOPIC", subscribes=[])
env = service.env
globals().update(service.settings())
