"""What the machine must have before anything can start: packages, a virtual environment, Kafka, an own user."""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from hashlib import sha256
from pathlib import Path

from . import broker
from .console import Failure, note, step
from .layout import ROOT, VENV, Layout

USER = "crossborder"
LIBRARY_FOLDERS = ("libs/outbox", "libs/auth_jwt", "libs/chassis")
INSTALL = """
set -e
policy=/usr/sbin/policy-rc.d   # the distribution's own services are not to start
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\\nexit 101\\n' >"$policy"; chmod +x "$policy"; trap 'rm -f "$policy"' EXIT
fi
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
for unit in mariadb redis-server nginx; do
    case " $* " in *" $unit"*) systemctl disable "$unit" >/dev/null 2>&1 || true ;; esac
done
"""


def prepare_machine(layout: Layout) -> None:
    """Install what is missing; each part is skipped in milliseconds when it is there. Raises Failure with a remedy."""
    os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
    _require_space(layout)
    if missing := _missing_packages():
        with step(f"System packages: {' '.join(missing)}"):
            _install_packages(missing)
    if not _stamp_path().exists() or _stamp_path().read_text() != _stamp():
        with step("Python environment .venv (some minutes the first time)"):
            _install_python()
    if not broker.jars().exists():
        with step("Apache Kafka from Maven Central"):
            broker.fetch_jars()


def become_unprivileged(layout: Layout) -> None:
    """Started by root: go on as the user `crossborder`, who owns the run folders. Otherwise returns.

    The rest is done by `.venv`'s Python in this process's place: root's own Python may lie where the user cannot read.
    """
    layout.run.mkdir(parents=True, exist_ok=True)
    if os.getuid() != 0:
        return
    try:
        user = pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER], check=True)
        user = pwd.getpwnam(USER)
    if not _can_work_here(user):
        note(f"The user {USER} cannot enter {ROOT} or run its Python, so everything runs as root.")
        return
    subprocess.run(["chown", "-R", f"{user.pw_uid}:{user.pw_gid}", ROOT / ".run"], check=True)
    os.initgroups(USER, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ |= {"HOME": str(layout.run), "USER": USER, "LOGNAME": USER}
    os.execv(VENV / "bin" / "python", ["python", "-m", "deploy.local", *sys.argv[1:]])  # noqa: S606


def _can_work_here(user: pwd.struct_passwd) -> bool:
    code = "import sys; open('Makefile').close(); open(sys.argv[1]).close()"
    try:
        done = subprocess.run(
            [VENV / "bin" / "python", "-c", code, __file__],
            cwd=ROOT,
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            capture_output=True,
        )
    except OSError:
        return False
    return done.returncode == 0


def _missing_packages() -> list[str]:
    """Debian packages whose program is not found."""
    headers = Path(sysconfig.get_paths(vars={"base": "/usr"})["include"]) / "Python.h"
    needed = {
        "mariadb-server": _any("mariadbd", "mysqld"),
        "mariadb-client": _any("mariadb", "mysql"),
        "redis-server": _any("redis-server"),
        "nginx": _any("nginx"),
        "default-jre-headless": _any("java"),
        "maven": _any("mvn") or broker.jars().exists(),
    }
    if not (VENV / "bin" / "python").exists():
        needed |= {
            "python3-venv": _module("ensurepip"),
            "python3-dev": headers.exists(),
            "build-essential": _any("gcc"),
            "pkg-config": _any("pkg-config"),
            "default-libmysqlclient-dev": _any("mariadb_config", "mysql_config"),
        }
    return [package for package, found in needed.items() if not found]


def _any(*programs: str) -> bool:
    return any(shutil.which(program) for program in programs)


def _module(name: str) -> bool:
    return subprocess.run([base_python(), "-c", f"import {name}"], capture_output=True).returncode == 0


def base_python() -> str:
    """The Python that makes `.venv`: this one or, for root, rather the system's, which other users may run too."""
    if os.getuid() == 0 and _version("/usr/bin/python3") >= (3, 11):
        return "/usr/bin/python3"
    return sys.executable


def _version(python: str) -> tuple[int, ...]:
    code = "import sys; print(*sys.version_info[:2])"
    try:
        return tuple(map(int, subprocess.run([python, "-c", code], capture_output=True).stdout.split()))
    except OSError:
        return ()


def _install_packages(missing: list[str]) -> None:
    by_hand = f"sudo apt-get install -y --no-install-recommends {' '.join(missing)}"
    sudo = [] if os.getuid() == 0 else ["sudo", "-n"]
    may = not sudo or (_any("sudo") and subprocess.run([*sudo, "true"], capture_output=True).returncode == 0)
    if not may or not _any("apt-get"):
        raise Failure(f"Missing, and apt may not be used here: {' '.join(missing)}.", f"Install them: {by_hand}")
    command = [*sudo, "sh", "-c", INSTALL, "install", *missing]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Failure(f"apt failed:\n{done.stdout[-500:]}{done.stderr[-800:]}", f"Try it by hand: {by_hand}")


def _stamp_path() -> Path:
    return VENV / "installed"


def _stamp() -> str:
    """Changes with what has to be installed."""
    files = [ROOT / "requirements-dev.txt", *(ROOT / folder / "pyproject.toml" for folder in LIBRARY_FOLDERS)]
    return sha256(b"\0".join(path.read_bytes() for path in files if path.exists())).hexdigest()


def _install_python() -> None:
    """Make `.venv` or bring it up to date; its stamp is written last, so an interrupted run starts over."""
    wanted = _stamp()
    python = VENV / "bin" / "python"
    if not python.exists() or subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode != 0:
        _run([base_python(), "-m", "venv", "--clear", str(VENV)])
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "-r", "requirements-dev.txt"])
    editable = [part for folder in LIBRARY_FOLDERS for part in ("-e", folder)]
    _run([*pip, "--no-deps", "--no-build-isolation", *editable])
    _stamp_path().write_text(wanted)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        shown = f"{' '.join(command)} failed:\n{done.stderr[-1500:]}"
        raise Failure(shown, "Mend what it says (is PyPI reachable?), then run the same make target again.")


def _require_space(layout: Layout) -> None:
    free = shutil.disk_usage(ROOT).free
    if free < 2 * 1024**3:
        raise Failure(
            f"Only {free // 1024**2} MB are free where {ROOT} lies; 2 GB are needed.",
            f"Free some space (old data of this project: {ROOT / '.run'}, removed by `make clean`).",
        )
