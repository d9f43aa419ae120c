"""A real nginx with the gateway's configuration, in front of five small servers that say what reached them."""

import http.client
import json
import socket
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.local import gateway
from deploy.local.layout import SERVICES, Layout


class Echo(BaseHTTPRequestHandler):
    """Answers with the request that it got; a path that ends with /teapot with the service's own 418."""

    protocol_version = "HTTP/1.1"
    name = ""

    def do_GET(self) -> None:
        headers = {key.lower(): value for key, value in self.headers.items()}
        body = json.dumps({"service": self.name, "path": self.path, "headers": headers}).encode()
        self.send_response(418 if self.path.endswith("/teapot") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> dict:
        return json.loads(self.text)


@dataclass(frozen=True)
class Gateway:
    layout: Layout

    def ask(
        self, path: str, *, method: str = "GET", body: bytes = b"", port: str = "gateway", **headers: str
    ) -> Answer:
        """One request, its path sent exactly as it is written; underscores in header names become dashes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.layout.port(port), timeout=10)
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before the body was read; the answer is there
            connection.request(method, path, body or None, {k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        found = {key.lower(): value for key, value in response.getheaders()}
        answer = Answer(response.status, found, response.read().decode())
        connection.close()
        return answer


def start(layout: Layout) -> subprocess.Popen:
    (layout.run / "media").mkdir(parents=True)
    layout.logs.mkdir(parents=True)
    (layout.run / "media" / "lamp.svg").write_text("<svg/>")
    process = subprocess.Popen(gateway.prepare(layout), stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", layout.port("gateway"))) == 0:
                return process
    raise AssertionError("nginx did not start")


def free_port_base() -> int:
    for base in range(31000, 39000, 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", base)) != 0:
                return base
    raise AssertionError("no free ports")


@pytest.fixture(scope="session")
def gate(tmp_path_factory):
    base: Path = tmp_path_factory.mktemp("gateway")
    layout = Layout(run=base, port_base=free_port_base(), test=True)
    for service in SERVICES[:-1]:  # the last one is away
        handler = type("Named", (Echo,), {"name": service})
        server = ThreadingHTTPServer(("127.0.0.1", layout.port(service)), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    process = start(layout)
    yield Gateway(layout)
    process.terminate()
    process.wait(10)
