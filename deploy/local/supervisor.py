"""supervisord keeps every process of a stack running; this writes its configuration and speaks to it."""

import http.client
import os
import shlex
import socket
import subprocess
import time
import xmlrpc.client
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .console import Failure
from .layout import ROOT, VENV, Layout
from .ports import MARK

HEADER = """\
[supervisord]
logfile = {logs}/supervisord.log
pidfile = {run}/supervisord.pid
logfile_maxbytes = 5MB
childlogdir = {logs}
minfds = 4096

[unix_http_server]
file = {socket}
chmod = 0700

[supervisorctl]
serverurl = unix://{socket}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
PROGRAM = """
[program:{group}-{name}]
process_name = {name}
command = {command}
directory = {directory}
environment = {environment}
autostart = false
autorestart = true
startsecs = 1
startretries = 1000
stopwaitsecs = 60
killasgroup = true
redirect_stderr = true
stdout_logfile = {logs}/{group}-{name}.log
stdout_logfile_maxbytes = 20MB
stdout_logfile_backups = 2
"""


@dataclass(frozen=True)
class Program:
    """One process under the supervisor, shown as `group:name`."""

    group: str
    name: str
    command: list[str]
    directory: Path = ROOT
    environment: dict[str, str] = field(default_factory=dict)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = str(path)

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self._path)
        return connection


def rpc(layout: Layout) -> Any:
    """supervisord's own interface, over its socket."""
    return xmlrpc.client.ServerProxy(
        "http://localhost", transport=_UnixTransport(layout.socket("supervisor"))
    ).supervisor


def write_configuration(layout: Layout, programs: Iterable[Program]) -> None:
    """Describe these programs to supervisord; nothing starts by itself, but what was started is kept running."""
    text = HEADER.format(run=layout.run, logs=layout.logs, socket=layout.socket("supervisor"))
    groups: dict[str, list[str]] = {}
    for program in programs:
        variables = {"MALLOC_ARENA_MAX": "2", "PYTHONUNBUFFERED": "1"} | program.environment
        text += PROGRAM.format(
            group=program.group,
            name=program.name,
            command=shlex.join(program.command).replace("%", "%%"),
            directory=program.directory,
            environment=",".join(f'{key}="{value.replace("%", "%%")}"' for key, value in variables.items()),
            logs=layout.logs,
        )
        groups.setdefault(program.group, []).append(f"{program.group}-{program.name}")
    for group, members in groups.items():
        text += f"\n[group:{group}]\nprograms = {','.join(members)}\n"
    layout.logs.mkdir(parents=True, exist_ok=True)
    path = layout.run / "supervisord.conf"
    path.touch(mode=0o600)
    path.write_text(text)


def is_running(layout: Layout) -> bool:
    """Whether this stack's supervisord answers."""
    try:
        return rpc(layout).getState()["statename"] == "RUNNING"
    except (OSError, http.client.HTTPException):
        return False


def start_daemon(layout: Layout, environment: dict[str, str]) -> None:
    """Start supervisord with these variables on top of the caller's; none of its programs runs yet."""
    with (layout.logs / "start.log").open("w") as log:
        done = subprocess.run(
            [VENV / "bin" / "supervisord", "-c", layout.run / "supervisord.conf"],
            env=os.environ | environment | {MARK: str(layout.run)},
            cwd=ROOT,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    if done.returncode != 0:
        raise Failure("supervisord did not start.", f"Read {layout.logs}/start.log")
    wait_until(lambda: is_running(layout), 15, "supervisord does not answer", layout.logs / "supervisord.log")


def apply_configuration(layout: Layout) -> set[str]:
    """Make a running supervisord read its configuration anew; the groups that it stopped because they changed."""
    server = rpc(layout)
    added, changed, removed = server.reloadConfig()[0]
    for group in [*changed, *removed]:
        server.stopProcessGroup(group)
        server.removeProcessGroup(group)
    for group in [*added, *changed]:
        server.addProcessGroup(group)
    return set(changed)


def states(layout: Layout) -> dict[tuple[str, str], dict[str, Any]]:
    """What supervisord knows of each (group, name)."""
    return {(info["group"], info["name"]): info for info in rpc(layout).getAllProcessInfo()}


def start_groups(layout: Layout, groups: Iterable[str]) -> list[str]:
    """Start what does not run of these groups, without waiting; the groups in which something was started."""
    idle = {group for (group, _), info in states(layout).items() if info["statename"] not in ("RUNNING", "STARTING")}
    started = [group for group in groups if group in idle]
    for group in started:
        rpc(layout).startProcessGroup(group, False)
    return started


def stop_groups(layout: Layout, groups: Iterable[str]) -> None:
    """Ask the processes of all these groups to end, all at once, and wait until they have (at most 60 s each)."""
    chosen = set(groups)
    for group in chosen:
        rpc(layout).stopProcessGroup(group, False)

    def ended() -> bool:
        busy = ("RUNNING", "STARTING", "STOPPING")
        return not any(group in chosen and info["statename"] in busy for (group, _), info in states(layout).items())

    wait_until(ended, 70, "some processes do not end", layout.logs / "supervisord.log")


def wait_until(condition: Callable[[], bool], seconds: float, complaint: str, log: Path) -> None:
    """Return when the condition holds; Failure with the complaint when it does not within these seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"After {seconds:.0f} s {complaint}.", f"Read {log}")
        time.sleep(0.1)
