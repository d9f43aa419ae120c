"""Settings of what works behind the requests: Celery, its schedules, the outbox and the consumer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kombu import Queue

if TYPE_CHECKING:
    from chassis.settings import Service


SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


def celery_settings(service: Service) -> dict[str, Any]:
    env = service.env
    default_queue = env.str("CELERY_DEFAULT_QUEUE", "default")
    queue = env.str(f"CELERY_{service.name.upper()}_QUEUE", service.name)
    return {
        "CELERY_BROKER_URL": env.redis("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0", offset=0),
        "CELERY_RESULT_BACKEND": env.redis("CELERY_RESULT_BACKEND", "redis://127.0.0.1:6379/1", offset=1),
        "CELERY_TASK_DEFAULT_QUEUE": default_queue,
        "CELERY_TASK_ROUTES": {"*": {"queue": queue}},
        "CELERY_TASK_QUEUES": [Queue(queue), Queue(default_queue)],  # what a worker reads unless -Q says otherwise
        "CELERY_WORKER_CONCURRENCY": env.int("CELERY_WORKER_CONCURRENCY", 2, least=1),
        "CELERY_TASK_ALWAYS_EAGER": env.bool("CELERY_TASK_ALWAYS_EAGER", False),
        "CELERY_TASK_EAGER_PROPAGATES": True,
        "CELERY_TASK_IGNORE_RESULT": True,
        "CELERY_TASK_ACKS_LATE": True,
        # A lost task is found again by its sweep; rejecting it instead would loop on a poisonous one.
        "CELERY_TASK_REJECT_ON_WORKER_LOST": False,
        "CELERY_TASK_TIME_LIMIT": 120,
        "CELERY_TASK_SOFT_TIME_LIMIT": 90,
        "CELERY_WORKER_PREFETCH_MULTIPLIER": 1,
        "CELERY_WORKER_SEND_TASK_EVENTS": True,
        "CELERY_WORKER_HIJACK_ROOT_LOGGER": False,
        "CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT": 20,
        # A worker that loses Redis ends, and its supervisor starts another: one that reconnects sometimes takes no
        # task ever after (celery#10205 and its like), which nobody notices. At its start it waits for Redis.
        "CELERY_BROKER_CONNECTION_RETRY": False,
        "CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP": True,
        "CELERY_BROKER_TRANSPORT_OPTIONS": {
            # Without these three, waking a task while Redis is away holds its request for six seconds.
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0,
            "visibility_timeout": 600,
            "unacked_restore_interval": 2,
            "unacked_restore_throttle": 1,
            "socket_timeout": 10,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "retry_on_timeout": True,
        },
        "CELERY_RESULT_EXPIRES": 3600,
        "CELERY_TIMEZONE": "UTC",
        "FLOWER_PORT": env.int("FLOWER_PORT", 5555) + service.index,
        "FLOWER_BASIC_AUTH": env.str("FLOWER_BASIC_AUTH", ""),
    }


def schedule_settings(service: Service) -> dict[str, Any]:
    """Beat, and what `install_schedules` makes: task -> every so many seconds."""
    return {
        "CELERY_BEAT_SCHEDULER": "chassis.beat:GuardedScheduler",
        "CELERY_BEAT_MAX_LOOP_INTERVAL": 5,
        "BEAT_SCHEDULES": {
            **({"outbox.tasks.publish_outbox_events": 1} if service.publishes else {}),
            **({"outbox.tasks.retry_parked": 15, "outbox.tasks.purge_inbox": 3600} if service.subscribes else {}),
            "auth_jwt.tasks.refresh_jwks": 300,
            "chassis.tasks.forget_old_requests": 3600,
        },
    }


def event_settings(service: Service) -> dict[str, Any]:
    env = service.env
    return {
        "OUTBOX": {
            "SERVICE": service.name,
            "TOPIC": service.topic(service.publishes) if service.publishes else None,
            "SUBSCRIPTIONS": [service.topic(setting) for setting in service.subscribes],
            "HANDLERS": f"{service.name}.consumers.HANDLERS" if service.subscribes else None,
            "SCHEMAS": service.base / "contracts" / "events",
            "VALIDATE": env.bool("OUTBOX_VALIDATE", True),
            "WAKE_URL": env.redis("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0", offset=0),
            "BOOTSTRAP_SERVERS": env.str("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
            "CLIENT_ID": env.str("KAFKA_CLIENT_ID", "crossborder-trade-api"),
            "IDEMPOTENCE": env.bool("KAFKA_PRODUCER_IDEMPOTENCE", True),
            "GROUP_PROTOCOL": env.str("KAFKA_GROUP_PROTOCOL", "classic"),
            "SECURITY_PROTOCOL": env.choice("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT", SECURITY_PROTOCOLS),
            "SASL_MECHANISM": env.str("KAFKA_SASL_MECHANISM", ""),
            "SASL_USERNAME": env.str("KAFKA_SASL_USERNAME", ""),
            "SASL_PASSWORD": env.str("KAFKA_SASL_PASSWORD", ""),
            "BATCH_SIZE": env.int("OUTBOX_DISPATCH_BATCH_SIZE", 50, least=1),
            "MAX_ATTEMPTS": env.int("OUTBOX_MAX_ATTEMPTS", 5, least=1),
            "MAX_PAYLOAD_BYTES": env.int("OUTBOX_MAX_PAYLOAD_BYTES", 900_000, least=1),
            "TOPICS_FILE": service.root / env.str("KAFKA_TOPICS_FILE", "deploy/topics.toml"),
            "HANDLER_SPAN": "chassis.tracing.span",
            "METRICS_PORT": env.int("METRICS_PORT", 0),
        }
    }
