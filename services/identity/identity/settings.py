"""Settings of the identity service; .env.example says what each variable means."""

from chassis.settings import Service

service = Service(__file__, publishes="KAFKA_USERS_TOPIC", subscribes=[])
env = service.env
globals().update(service.settings())

AUTH_USER_MODEL = "identity.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
READY_CHECKS = ["identity.tokens.signing_key_exists"]
BEAT_SCHEDULES |= {  # type: ignore[name-defined]  # noqa: F821
    "identity.tasks.send_owed_codes": 15,
    "identity.tasks.forget_old_rows": 3600,
}
