"""Where everything of one local stack lies: its run folder, its ports, its names."""

import os
import tempfile
import tomllib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from .console import Failure

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
SERVICES = ("identity", "catalog", "orders", "payments", "notifications")
LIBRARIES = ("outbox", "authjwt")  # have a database user of their own on the test server

PORTS = {
    "gateway": 0,
    "operators": 1,
    **{service: 11 + number for number, service in enumerate(SERVICES)},
    "database": 20,
    "redis": 21,
    "kafka": 22,
    "kafka-controller": 23,
    "smtp": 30,
    "mailbox": 31,
    "sandbox": 32,
    **{f"{service}-flower": 41 + number for number, service in enumerate(SERVICES)},
}


@dataclass(frozen=True)
class Layout:
    """One stack: the running one in `.run`, or the tests' one in `.run/test` on ports 1000 higher."""

    run: Path
    port_base: int
    test: bool

    def port(self, name: str) -> int:
        return self.port_base + PORTS[name]

    def address(self, name: str) -> str:
        return f"127.0.0.1:{self.port(name)}"

    def url(self, name: str) -> str:
        return f"http://{self.address(name)}"

    @property
    def env_file(self) -> Path:
        return self.run / "env"

    @property
    def logs(self) -> Path:
        return self.run / "logs"

    def socket(self, name: str) -> Path:
        """A unix socket's path, kept under the 107 bytes that Linux allows."""
        path = self.run / f"{name}.sock"
        if len(str(path)) < 100:
            return path
        return (
            Path(tempfile.gettempdir()) / f"crossborder-{sha256(str(self.run).encode()).hexdigest()[:10]}-{name}.sock"
        )


def choose_layout(*, test: bool) -> Layout:
    """The running stack's layout or, with `test`, the tests' one; `PORT_BASE` moves both."""
    text = os.environ.get("PORT_BASE") or dotenv().get("PORT_BASE") or "18000"
    if not text.isdecimal() or not 1024 <= int(text) <= 64000:
        raise Failure(f"PORT_BASE is {text!r}.", "Set it to a number from 1024 to 64000.")
    if test:
        return Layout(run=ROOT / ".run" / "test", port_base=int(text) + 1000, test=True)
    return Layout(run=ROOT / ".run", port_base=int(text), test=False)


def dotenv() -> dict[str, str]:
    """The variables of `.env`, if there is one."""
    return read_variables(ROOT / ".env")


def read_variables(path: Path) -> dict[str, str]:
    """KEY=VALUE lines of a file; empty when there is no such file."""
    if not path.exists():
        return {}
    lines = (line.strip().removeprefix("export ") for line in path.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def existing_services() -> list[str]:
    """The services whose code is in this checkout."""
    return [service for service in SERVICES if (ROOT / "services" / service / "manage.py").exists()]


def topics() -> list[dict]:
    """The topics of `deploy/topics.toml`."""
    return tomllib.loads((ROOT / "deploy" / "topics.toml").read_text())["topic"]
