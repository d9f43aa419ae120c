"""Health checks of the roles, run inside their containers: exit code 0 when healthy, otherwise 1 and a reason.

python health.py url ADDRESS | worker | beat | flower. No Django application is set up: a check must cost little.
"""

import os
import socket
import sys
import urllib.request
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

SERVICE = os.environ.get("SERVICE", "")


def check_url(address: str) -> None:
    """The address answers with 200; urllib raises for 400 and above."""
    with urllib.request.urlopen(address, timeout=4) as answer:  # noqa: S310
        answer.read(1)


def check_flower() -> None:
    check_url(f"http://127.0.0.1:5555/flower/{SERVICE}/healthcheck")


def check_worker() -> None:
    """This container's worker answers a ping sent through the broker, as the service's own settings name it."""
    sys.path.insert(0, str(Path.cwd()))
    app = import_module(f"{SERVICE}.celery").app
    name = f"{SERVICE}@{socket.gethostname()}"
    if not app.control.ping([name], timeout=10, limit=1):
        raise OSError(f"{name} does not answer")


def check_beat() -> None:
    """Some beat of this service holds the lock that lets it send tasks: this one, or the one it stands by for."""
    import MySQLdb

    setting = os.environ
    connection = MySQLdb.connect(
        host=setting["DB_HOST"],
        port=int(setting["DB_PORT"]),
        user=setting["DB_USER"],
        password=setting["DB_PASSWORD"],
        connect_timeout=5,
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT IS_USED_LOCK(%s)", [f"{SERVICE}:beat"])
        if cursor.fetchone()[0] is None:
            raise OSError("no beat holds the lock")


CHECKS: dict[str, Callable[..., None]] = {
    "url": check_url,
    "worker": check_worker,
    "beat": check_beat,
    "flower": check_flower,
}

if __name__ == "__main__":
    try:
        CHECKS[sys.argv[1]](*sys.argv[2:])
    except Exception as error:  # noqa: BLE001  whatever it is, the reason is what `docker inspect` shows
        sys.exit(f"{sys.argv[1]}: {error}")
