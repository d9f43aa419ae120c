"""Who holds a port, and which processes an interrupted run left behind."""

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

from .console import Failure, note
from .layout import Layout

MARK = "CROSSBORDER_RUN"  # in the environment of every process of a stack: its run folder


def require_free_ports(layout: Layout, names: list[str]) -> None:
    """Raise Failure for the first of these ports that another program holds."""
    for name in names:
        port = layout.port(name)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                variable = "PORT_BASE (the tests use PORT_BASE + 1000)" if layout.test else "PORT_BASE"
                raise Failure(
                    f"Port {port} ({name}) is in use by {_holder(port)}.",
                    f"Stop that program, or choose other ports with {variable}, in the environment or in .env.",
                ) from None


def answers(port: int) -> bool:
    """Whether something accepts connections on this port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end_leftovers(layout: Layout) -> None:
    """End the processes of this stack whose supervisor is gone, or they would hold its ports and data."""
    pids = _pids_of(layout)
    if not pids:
        return
    note(f"An earlier run ended half-way: stopping the {len(pids)} processes that it left.")
    for number, patience in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)):
        for pid in pids:
            _send(pid, number)
        deadline = time.monotonic() + patience
        while (pids := _pids_of(layout)) and time.monotonic() < deadline:
            time.sleep(0.1)
        if not pids:
            return
    raise Failure(f"Processes {pids} of an earlier run do not end.", "End them by hand, then try again.")


def wait_for_the_end(layout: Layout, seconds: float) -> None:
    """Give the processes of this stack this long to end by themselves."""
    deadline = time.monotonic() + seconds
    while _pids_of(layout) and time.monotonic() < deadline:
        time.sleep(0.1)


def _pids_of(layout: Layout) -> list[int]:
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _belongs(folder, layout)]


def _belongs(process: Path, layout: Layout) -> bool:
    try:
        if process.stat().st_uid != os.getuid() and os.getuid() != 0:
            return False
        variables = (process / "environ").read_bytes().split(b"\0")
        if f"{MARK}={layout.run}".encode() in variables:
            return True
        title = (process / "cmdline").read_bytes().decode(errors="replace")  # nginx overwrites its environment
        return title.startswith("nginx: ") and f"{layout.run}/nginx/" in title
    except OSError:
        return False


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _holder(port: int) -> str:
    """The process that listens on a port, as far as this user may see it."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) in inodes:
                process = descriptor.parents[1]
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                return f"process {process.name} ({command[:80]})"
        except OSError:
            continue
    return "another user's process"
