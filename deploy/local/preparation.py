"""Migrations, topics, keys, schedules, operators and demo data: once per change of a service's code, two at a time."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from .console import Failure, step
from .environment import load_secrets
from .layout import ROOT, VENV, Layout

SKIPPED = {"__pycache__", "tests", "staticfiles", ".hypothesis"}


def version_of(service: str, layout: Layout) -> str:
    """Changes with the service's code, our libraries, what is installed, the topics, the variables and a new Kafka."""
    digest = sha256()
    shared = [ROOT / "libs", VENV / "installed", ROOT / ".env", ROOT / "deploy" / "topics.toml", layout.env_file]
    for folder in (ROOT / "services" / service, *shared, layout.run / "kafka" / "data" / "bootstrap.checkpoint"):
        for path in sorted(_files(folder)):
            status = path.stat()
            digest.update(f"{path} {status.st_mtime_ns} {status.st_size}\n".encode())
    return digest.hexdigest()


def prepare_services(layout: Layout, services: list[str], environment: dict[str, str]) -> None:
    """Prepare those services whose version is not the one that was prepared in this database. Raises Failure."""
    waiting = [service for service in services if not _is_prepared(service, layout)]
    first = services[:1]  # makes the topics
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(_prepare, service, layout, environment, topics=service in first) for service in waiting]
    if failures := [str(attempt.exception()) for attempt in done if attempt.exception()]:
        raise Failure("\n".join(failures), "Read those logs, mend what they say, then run `make run` again.")


def _is_prepared(service: str, layout: Layout) -> bool:
    stamp = _stamp(service, layout)
    return stamp.exists() and stamp.read_text() == version_of(service, layout)


def _stamp(service: str, layout: Layout) -> Path:
    return layout.run / "database" / f"prepared-{service}"  # goes when the database goes


def _prepare(service: str, layout: Layout, environment: dict[str, str], *, topics: bool) -> None:
    version = version_of(service, layout)
    log = layout.logs / f"{service}-prepare.log"
    variables = os.environ | environment
    variables["PYTHONPATH"] = str(ROOT / "services" / service)
    variables["OPERATOR_PASSWORD"] = load_secrets(layout)["OPERATOR_PASSWORD"]
    command = [str(VENV / "bin" / "python"), "-m", "deploy.local.prepare_service", service]
    if topics:
        command.append("--topics")
    with step(f"{service}: migrations, schedules, operator, demo data"), log.open("w") as output:
        done = subprocess.run(command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        if done.returncode != 0:
            last = "\n    ".join(log.read_text().splitlines()[-4:])
            raise RuntimeError(f"{service} could not be prepared ({log}):\n    {last}")
    _stamp(service, layout).write_text(version)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = []
    for folder, names, files in os.walk(path):
        names[:] = [name for name in names if name not in SKIPPED and not name.endswith(".egg-info")]
        found += [Path(folder) / name for name in files]
    return found
