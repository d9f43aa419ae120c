"""A real provider process on a free port, and a shop that takes its webhooks."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

DEPLOY = Path(__file__).resolve().parents[2]
SECRET = "a secret of the tests"
PACE = 0.1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition: Callable[[], Any], seconds: float = 10, what: str = "the condition") -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(0.01)
    return value


class Shop:
    """Takes webhooks; `refusals` of them are answered 503 first. `events` holds (moment, headers, raw body)."""

    def __init__(self) -> None:
        shop = self
        self.refusals = 0
        self.events: list[tuple[float, dict[str, str], str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status = 200
                if shop.refusals:
                    shop.refusals, status = shop.refusals - 1, 503
                else:
                    shop.events.append((time.monotonic(), dict(self.headers), body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, _, body in self.events]


class Sandbox:
    """The process, and a client of it."""

    def __init__(self, folder: Path, webhook_url: str, **variables: str) -> None:
        self.port = free_port()
        self.variables = os.environ | {
            "SANDBOX_URL": f"http://127.0.0.1:{self.port}",
            "SANDBOX_DATA": str(folder),
            "SANDBOX_WEBHOOK_URL": webhook_url,
            "PAYMENTS_WEBHOOK_SECRETS": f"{SECRET},another",
            "SANDBOX_PACE": str(PACE),
            **variables,
        }
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "sandbox_provider"], cwd=DEPLOY, env=self.variables)
        wait_until(self._listens, 20, "the provider's start")

    def _listens(self) -> bool:
        assert self.process.poll() is None, "the provider ended at once"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(10)

    def ask(
        self, method: str, path: str, body: Any = None, key: str | None = None, timeout: float = 5
    ) -> tuple[int, Any]:
        """(status, body); the body is parsed when it is JSON. Raises OSError when no answer comes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        raw = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
        try:
            connection.request(method, path, raw, {"Idempotency-Key": key} if key is not None else {})
            answer = connection.getresponse()
            text = answer.read().decode()
            self.headers = dict(answer.getheaders())
            return answer.status, json.loads(text) if "json" in self.headers.get("Content-Type", "") else text
        finally:
            connection.close()

    def create(self, method: str = "tok_success", key: str | None = None, **changes: Any) -> tuple[int, Any]:
        timeout = changes.pop("timeout", 5)
        body = {
            "reference": uuid4().hex,
            "amount": 12999,
            "currency": "EUR",
            "payment_method": method,
            "return_url": "https://shop.example/paid?order=7",
            "description": "CB-7H2KQ0T9XW",
            **changes,
        }
        return self.ask("POST", "/v1/intents", body, key or uuid4().hex, timeout=timeout)

    def do(self, intent: dict[str, Any], what: str, key: str | None = None, **body: Any) -> tuple[int, Any]:
        timeout = body.pop("timeout", 5)
        path = f"/v1/intents/{intent['id']}/{what}"
        return self.ask("POST", path, body or None, key or uuid4().hex, timeout=timeout)

    def read(self, intent: dict[str, Any]) -> dict[str, Any]:
        return self.ask("GET", f"/v1/intents/{intent['id']}")[1]

    def of(self, reference: str) -> list[dict[str, Any]]:
        return self.ask("GET", f"/v1/intents?reference={reference}")[1]["data"]

    def captured(self, method: str = "tok_success") -> dict[str, Any]:
        return self.do(self.create(method)[1], "capture")[1]


@pytest.fixture
def shop() -> Iterator[Shop]:
    taking = Shop()
    yield taking
    taking.server.shutdown()


@pytest.fixture
def sandbox(tmp_path: Path, shop: Shop) -> Iterator[Sandbox]:
    running = Sandbox(tmp_path, shop.url)
    yield running
    running.kill()
