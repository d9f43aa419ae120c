"""Settings of the orders service; .env.example says what each variable means."""

from chassis.settings import Service

service = Service(
    __file__,
    publishes="KAFKA_ORDERS_TOPIC",
    subscribes=["KAFKA_STOCK_TOPIC", "KAFKA_PAYMENTS_TOPIC", "KAFKA_USERS_TOPIC"],
)
env = service.env
globals().update(service.settings())

ORDER_EXPIRATION_MINUTES = env.int("ORDER_EXPIRATION_MINUTES", 30, least=1)
QUOTE_TTL_MINUTES = env.int("QUOTE_TTL_MINUTES", 15, least=1)
ORDER_TOKEN_KEY = env.str("ORDER_TOKEN_KEY")
SELLER = {  # whom invoices name
    "name": env.str("SELLER_NAME", "Crossborder Trade"),
    "address": env.str("SELLER_ADDRESS", ""),
    "country": env.matching("SELLER_COUNTRY", "NL", "[A-Z]{2}", "a country's two letters such as NL"),
    "vat_id": env.str("SELLER_VAT_ID", ""),
    "eori": env.str("SELLER_EORI", ""),
}
EXPIRY_WAITS_FOR = [service.topic("KAFKA_STOCK_TOPIC"), service.topic("KAFKA_PAYMENTS_TOPIC")]
SPECTACULAR_SETTINGS["ENUM_NAME_OVERRIDES"] = {  # type: ignore[name-defined]  # noqa: F821
    "OrderState": "orders.serializers.orders.STATES",
    "RefundState": "orders.serializers.refunds.REFUND_STATES",
    "ReturnState": "orders.serializers.refunds.RETURN_STATES",
}
BEAT_SCHEDULES |= {  # type: ignore[name-defined]  # noqa: F821
    "orders.tasks.expire_orders": 15,
    "orders.tasks.ask_again": 60,
    "orders.tasks.audit_invariants": 3600,
    "orders.tasks.forget_old_quotes_and_carts": 3600,
}
