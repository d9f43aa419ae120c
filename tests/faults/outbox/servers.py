"""A database, a Redis and a Kafka of the faults' own: they may be killed and stopped, and nobody else notices."""

import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from deploy.local import broker, database, mysql, redis
from deploy.local.layout import Layout, choose_layout
from deploy.local.ports import answers

KAFKA = """
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=3000
group.consumer.min.heartbeat.interval.ms=200
group.consumer.heartbeat.interval.ms=500
log.flush.interval.messages=9223372036854775807
"""


def own_layout(name: str, offset: int) -> Layout:
    """A folder and ports beside those of the tests' usual servers, which are left alone."""
    tests = choose_layout(test=True)
    chosen = "mysql" if os.environ.get("DB") == "mysql" else "mariadb"
    return replace(tests, run=tests.run / f"{name}-{chosen}", port_base=tests.port_base + offset)


def die_with_parent() -> None:
    """Nothing of this outlives the tests, whatever happens to them."""
    ctypes.CDLL("libc.so.6").prctl(1, signal.SIGKILL)


class Server:
    """A server's process: started, stopped, killed, frozen; it knows when it answers."""

    def __init__(self, name: str, command: list[str], ready: Callable[[], bool], log: Path) -> None:
        self.name, self._command, self._ready, self._log = name, command, ready, log
        self._process: subprocess.Popen | None = None

    def start(self, wait: bool = True) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent
            )
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not self._ready():
            assert self._process is not None
            assert self._process.poll() is None, f"{self.name} ended: read {self._log}"
            assert time.monotonic() < deadline, f"{self.name} does not answer: read {self._log}"
            time.sleep(0.1)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Servers:
    """All three. `database_options` go onto its command line."""

    def __init__(self, layout: Layout, database_options: tuple[str, ...] = (), keep: bool = False) -> None:
        self.layout = layout
        if not keep:
            for folder in ("kafka", "database", "redis"):
                shutil.rmtree(layout.run / folder, ignore_errors=True)
        layout.run.mkdir(parents=True, exist_ok=True)
        self.logs = layout.run / "logs"
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir()
        other = (mysql.command(), mysql.options()) if os.environ.get("DB") == "mysql" else None
        commands = {
            "database": [*database.prepare(layout, other), *database_options],
            "redis": redis.prepare(layout),
            "kafka": broker.prepare(layout),
        }
        with (layout.run / "kafka" / "server.properties").open("a") as settings:
            settings.write(KAFKA)
        ready = {
            "database": lambda: database.ready(layout),
            "redis": lambda: redis.ready(layout),
            "kafka": lambda: broker.ready(layout),
        }
        for name in commands:
            if answers(layout.port(name)):
                raise SystemExit(f"Port {layout.port(name)} is in use: does another run of this go on?")
        self.all = {name: Server(name, commands[name], ready[name], self.logs / f"{name}.log") for name in commands}
        self.database, self.redis, self.kafka = self.all.values()

    def start(self) -> None:
        for server in self.all.values():
            if not server.is_running():
                server.start(wait=False)
        for server in self.all.values():
            server.wait_until_ready()

    def stop(self) -> None:
        for server in self.all.values():
            server.kill()
