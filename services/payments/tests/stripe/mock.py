"""stripe-mock: a program of Stripe's that knows its public API description and refuses what is not in it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from functools import lru_cache
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[4] / ".run" / "tools"
MODULE = "github.com/stripe/stripe-mock@latest"


@lru_cache
def program() -> str | None:
    """Its path: on the PATH, in .run/tools, or built there once by Go. None, and a line that says so, without one."""
    if found := shutil.which("stripe-mock") or shutil.which("stripe-mock", path=str(TOOLS)):
        return found
    go = shutil.which("go", path=f"{os.environ.get('PATH', '')}:/usr/local/go/bin")
    if go:
        TOOLS.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {"GOBIN": str(TOOLS), "GOPATH": str(TOOLS / "go"), "GOFLAGS": "-modcacherw"}
        subprocess.run([go, "install", MODULE], env=environment, capture_output=True, timeout=90, check=False)
    if found := shutil.which("stripe-mock", path=str(TOOLS)):
        return found
    print("stripe-mock cannot be had (no Go, or no module proxy): the recorded description is asked instead")
    return None


class StripeMock:
    """The program on a free port."""

    def __init__(self, path: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        command = [path, "-http-addr", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(10)
