"""Settings of the payments service; .env.example says what each variable means."""

from chassis.settings import Service

from payments.domain.origins import normal

service = Service(__file__, publishes="KAFKA_PAYMENTS_TOPIC", subscribes=["KAFKA_ORDERS_TOPIC", "KAFKA_USERS_TOPIC"])
env = service.env
globals().update(service.settings())

PAYMENTS_PROVIDER = env.str("PAYMENTS_PROVIDER", "sandbox")
if PAYMENTS_PROVIDER not in {"sandbox", "stripe"}:
    raise SystemExit(f"payments: PAYMENTS_PROVIDER must be sandbox or stripe, not {PAYMENTS_PROVIDER!r}.")
SANDBOX_URL = env.http("SANDBOX_URL", "http://127.0.0.1:18032")
STRIPE_API_KEY = env.str("STRIPE_API_KEY", "")
if PAYMENTS_PROVIDER == "stripe" and not STRIPE_API_KEY:
    raise SystemExit("payments: STRIPE_API_KEY is not set, and PAYMENTS_PROVIDER is stripe: set it to a secret key.")
_secrets = env.list("PAYMENTS_WEBHOOK_SECRETS", default=[])
PAYMENTS_WEBHOOK_SECRETS = [each.strip() for each in _secrets if each.strip()]
_origins = env.matching(
    "PAYMENTS_RETURN_ORIGINS",
    "",
    r"(\s*([A-Za-z][A-Za-z0-9+.-]*://[^\s,/][^\s,]*)?\s*(,|$))*",
    "origins such as https://shop.example, separated by commas",
)
PAYMENTS_RETURN_ORIGINS = [normal(each) for each in _origins.split(",") if each.strip()]
BEAT_SCHEDULES |= {  # type: ignore[name-defined]  # noqa: F821
    "payments.tasks.settle_payments": 5,
    "payments.tasks.reconcile_payments": 3600,
    "payments.tasks.audit_invariants": 3600,
    "payments.tasks.forget_webhooks": 3600,
}
SPECTACULAR_SETTINGS["ENUM_NAME_OVERRIDES"] = {  # type: ignore[name-defined]  # noqa: F821
    "PaymentStatusEnum": "payments.serializers.payments.STATUSES",
    "RefundStateEnum": "payments.serializers.payments.REFUNDS",
    "DisputeStateEnum": "payments.serializers.payments.DISPUTES",
}
