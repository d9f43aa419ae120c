"""Every process of a stack: the infrastructure, and five roles of each service (the local profile)."""

import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from . import broker, database, gateway, redis
from .layout import ROOT, VENV, Layout, dotenv, existing_services
from .supervisor import Program

BIN = VENV / "bin"
EDGE = ("mailbox", "sandbox", "gateway")  # beside the services
SERVERS = ("database", "redis", "kafka")  # what tests need; in the order in which they start


def all_programs(layout: Layout, variables: dict[str, str]) -> list[Program]:
    """Everything that this stack may run; writes the settings of the servers on its way."""
    services = [role for service in existing_services() for role in roles(layout, service, variables)]
    return [*servers(layout), *edge(layout, variables), *services]


def servers(layout: Layout) -> list[Program]:
    """Database, Redis and Kafka. A changed settings file changes the program, so that it is restarted."""
    return [
        _with_version("database", database.prepare(layout), database.files(layout)),
        _with_version("redis", redis.prepare(layout), redis.files(layout)),
        _with_version("kafka", broker.prepare(layout), broker.files(layout)),
    ]


def edge(layout: Layout, variables: dict[str, str]) -> list[Program]:
    """What stands around the services: the mailbox, the sandbox payment provider and the gateway."""
    python = str(BIN / "python")
    mailbox = [
        *(python, "-m", "deploy.mailbox", "--folder", str(layout.run / "mailbox")),
        *("--smtp", str(layout.port("smtp")), "--http", str(layout.port("mailbox"))),
    ]
    found = [_with_version("mailbox", mailbox, _source("mailbox"))]
    if (ROOT / "deploy" / "sandbox_provider" / "__main__.py").exists():
        command = [python, "-m", "sandbox_provider"]
        program = _with_version("sandbox", command, _source("sandbox_provider"))
        environment = program.environment | _sandbox_environment(layout, variables)
        found.append(replace(program, directory=ROOT / "deploy", environment=environment))
    return [*found, _with_version("gateway", gateway.prepare(layout), gateway.files(layout))]


def roles(layout: Layout, service: str, variables: dict[str, str]) -> list[Program]:
    """The processes of one service, as architecture.md lists them; relay and consumer share `events`."""
    folder = ROOT / "services" / service
    celery = [str(BIN / "celery"), "-A", service]
    setting = os.environ | dotenv()
    queues = (
        setting.get(f"CELERY_{service.upper()}_QUEUE", service),
        setting.get("CELERY_DEFAULT_QUEUE", "default"),
    )
    flower = f"{service}-flower"
    commands = {
        "web": [
            *(str(BIN / "gunicorn"), f"{service}.wsgi:application", "-c", str(ROOT / "deploy" / "gunicorn.py")),
            *("--bind", layout.address(service)),
        ],
        "worker": [
            *(*celery, "worker", "--pool=threads", "-Q", ",".join(queues), "-n", f"{service}@%h", "-l", "info"),
            *("--without-gossip", "--without-mingle"),
        ],
        "beat": [*celery, "beat", "-l", "info", "--pidfile="],
        "events": [str(BIN / "python"), "manage.py", "run_events"],
        "flower": [
            *celery,
            "flower",
            "--address=127.0.0.1",
            f"--port={layout.port(flower)}",
            f"--url-prefix=/flower/{service}",
        ],
    }
    own = {"flower": {"FLOWER_BASIC_AUTH": setting.get("FLOWER_BASIC_AUTH", variables["FLOWER_BASIC_AUTH"])}}
    return [Program(service, role, command, folder, own.get(role, {})) for role, command in commands.items()]


def _sandbox_environment(layout: Layout, variables: dict[str, str]) -> dict[str, str]:
    """What the provider is told: its own variables and the few that it shares, no other secret."""
    setting = {"SANDBOX_DATA": str(layout.run / "sandbox")} | variables | dotenv() | os.environ
    shared = ("PUBLIC_URL", "PAYMENTS_WEBHOOK_SECRETS")
    return {name: text for name, text in setting.items() if name in shared or name.startswith("SANDBOX_")}


def _source(folder: str) -> list[Path]:
    return sorted((ROOT / "deploy" / folder).rglob("*.py"))


def _with_version(name: str, command: list[str], files: list[Path]) -> Program:
    version = sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    return Program(name, name, command, environment={"SETTINGS_VERSION": version})
