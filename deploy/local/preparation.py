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
    """Changes with the service's code, our libraries, the installed packages and the stack's variables."""
    digest = sha256()
    for folder in (ROOT / "services" / service, ROOT / "libs", VENV / "installed", ROOT / ".env", layout.env_file):
        for path in sorted(_files(folder)):
            status = path.stat()
            digest.update(f"{path} {status.st_mtime_ns} {status.st_size}\n".encode())
    return digest.hexdigest()


def prepare_services(layout: Layout, services: list[str], environment: dict[str, str]) -> None:
    """Prepare those services whose version is not the one that was prepared in this database. Raises Failure."""
    waiting = [service for service in services if not _is_prepared(service, layout)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda service: _prepare(service, layout, environment), waiting))


def _is_prepared(service: str, layout: Layout) -> bool:
    stamp = _stamp(service, layout)
    return stamp.exists() and stamp.read_text() == version_of(service, layout)


def _stamp(service: str, layout: Layout) -> Path:
    return layout.run / "database" / f"prepared-{service}"  # goes when the database goes


def _prepare(service: str, layout: Layout, environment: dict[str, str]) -> None:
    version = version_of(service, layout)
    log = layout.logs / f"{service}-prepare.log"
    variables = os.environ | environment
    variables["PYTHONPATH"] = str(ROOT / "services" / service)
    variables["OPERATOR_PASSWORD"] = load_secrets(layout)["OPERATOR_PASSWORD"]
    with step(f"{service}: migrations, schedules, operator, demo data"), log.open("w") as output:
        done = subprocess.run(
            [VENV / "bin" / "python", "-m", "deploy.local.prepare_service", service],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    if done.returncode != 0:
        last = "\n    ".join(log.read_text().splitlines()[-5:])
        raise Failure(f"{service} could not be prepared:\n    {last}", f"Read {log}; then run `make run` again.")
    _stamp(service, layout).write_text(version)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = []
    for folder, names, files in os.walk(path):
        names[:] = [name for name in names if name not in SKIPPED and not name.endswith(".egg-info")]
        found += [Path(folder) / name for name in files]
    return found
