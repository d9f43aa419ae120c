"""Secrets, made once, and the variables that every process of a stack starts with."""

import base64
import secrets
from pathlib import Path

from .layout import LIBRARIES, ROOT, SERVICES, Layout, read_variables

AUDITOR = "audit"  # reads every schema, writes none


def accounts(layout: Layout) -> list[str]:
    """Names of the database users, each `crossborder_<name>`."""
    return [*SERVICES, AUDITOR, *(LIBRARIES if layout.test else ())]


def load_secrets(layout: Layout) -> dict[str, str]:
    """The secrets of this stack; those that are missing are made and kept in `secrets.env`."""
    path = layout.run / "secrets.env"
    known = read_variables(path)
    names = [
        "SECRET_KEY",
        "DB_ROOT_PASSWORD",
        *(f"{account.upper()}_DB_PASSWORD" for account in accounts(layout)),
        "PAYMENTS_WEBHOOK_SECRETS",
        "FLOWER_PASSWORD",
        "OPERATOR_PASSWORD",
        "KAFKA_CLUSTER_ID",
    ]
    made = {name: _random_text(name) for name in [*names, "ORDER_TOKEN_KEY"] if name not in known}
    if made:
        known |= made
        write_variables(path, known)
    return known


def write_environment(layout: Layout) -> dict[str, str]:
    """Write the stack's `env` file, the same for all its processes, and return its variables."""
    known = load_secrets(layout)
    public = layout.url("gateway")
    variables = {
        "SECRET_KEY": known["SECRET_KEY"],
        "DEBUG": "False",
        "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver" if layout.test else "127.0.0.1,localhost",
        "PUBLIC_URL": public,
        "GATEWAY_CIDR": "127.0.0.1/32",
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(layout.port("database")),
        **{f"{name.upper()}_DB_PASSWORD": known[f"{name.upper()}_DB_PASSWORD"] for name in accounts(layout)},
        "CELERY_BROKER_URL": f"redis://{layout.address('redis')}/0",
        "CELERY_RESULT_BACKEND": f"redis://{layout.address('redis')}/1",
        "KAFKA_BOOTSTRAP_SERVERS": layout.address("kafka"),
        "KAFKA_TOPICS_FILE": str(ROOT / "deploy" / "topics.toml"),
        "AUTH_JWKS_URL": f"{public}/.well-known/jwks.json",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(layout.port("smtp")),
        "API_REQUESTS_PER_MINUTE": "1000000",  # everybody here comes from one address
        "PAYMENTS_PROVIDER": "sandbox",
        "PAYMENTS_CELERY_WORKER_CONCURRENCY": "8",  # its tasks wait for the provider most of their time
        "SANDBOX_URL": layout.url("sandbox"),
        "PAYMENTS_WEBHOOK_SECRETS": known["PAYMENTS_WEBHOOK_SECRETS"],
        "PAYMENTS_RETURN_ORIGINS": public,
        "ORDER_TOKEN_KEY": known["ORDER_TOKEN_KEY"],
        "WEBHOOKS_PRIVATE_NETWORKS": "127.0.0.1/32",
        "FLOWER_PORT": str(layout.port(f"{SERVICES[0]}-flower")),
        "FLOWER_BASIC_AUTH": f"admin:{known['FLOWER_PASSWORD']}",
        "MEDIA_ROOT": str(layout.run / "media"),
    }
    write_variables(layout.env_file, variables)
    return variables


def write_variables(path: Path, variables: dict[str, str]) -> None:
    """Replace the file by KEY=VALUE lines in one step, readable by its owner alone."""
    text = "".join(f"{key}={value}\n" for key, value in variables.items())
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(path)


def _random_text(name: str) -> str:
    if name == "KAFKA_CLUSTER_ID":  # 16 bytes that must not begin with a dash
        return base64.urlsafe_b64encode(b"k" + secrets.token_bytes(15)).decode().rstrip("=")
    return secrets.token_urlsafe(12 if name in ("FLOWER_PASSWORD", "OPERATOR_PASSWORD") else 32)
