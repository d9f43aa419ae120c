"""Redis: broker, results and wake-ups. It is never the record, so nothing of it is kept on disk."""

import shutil
import socket
from pathlib import Path

from .console import Failure
from .layout import Layout

SETTINGS = """\
bind 127.0.0.1
port {port}
dir {folder}
databases 16
save ""
appendonly no
maxmemory-policy noeviction
set-proc-title no
"""


def files(layout: Layout) -> list[Path]:
    """What the server reads when it starts."""
    return [layout.run / "redis" / "redis.conf"]


def prepare(layout: Layout) -> list[str]:
    """Write the settings; returns the command that runs the server."""
    server = shutil.which("redis-server")
    if server is None:
        raise Failure("There is no Redis server.", "Install it: sudo apt-get install redis-server")
    folder = layout.run / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "redis.conf").write_text(SETTINGS.format(port=layout.port("redis"), folder=folder))
    return [server, f"{folder}/redis.conf"]


def ready(layout: Layout) -> bool:
    """Whether the server answers a PING."""
    try:
        with socket.create_connection(("127.0.0.1", layout.port("redis")), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
