"""What payments' tests share: the sandbox provider in a process of its own, a purchase, and the provider's webhooks."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from auth_jwt.testing import bearer
from chassis.pytest_plugin import wait_until
from django.conf import settings as django_settings
from django.utils import timezone
from outbox.models import OutboxEvent
from outbox.testing import as_event, deliver
from payments.models import Payment
from payments.providers import registry, sandbox
from payments.tasks import settle_payments
from rest_framework.response import Response

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
PACE = 0.25  # of the provider's delays: a call hangs for 1.5 s, and we wait for 0.8 s
PATIENCE = httpx.Timeout(0.8, connect=1.0)
TOTAL = 12999


class Listener:
    """Takes the provider's webhooks and keeps them; tests hand them over when they like."""

    def __init__(self) -> None:
        taken: list[tuple[bytes, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken.append((body, self.headers["Sandbox-Signature"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.taken = taken
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def of(self, object_id: str) -> list[tuple[bytes, str]]:
        return [each for each in list(self.taken) if json.loads(each[0])["object_id"] == object_id]


class Provider:
    """The sandbox provider's process, asked directly: the truth about the money. `listener` takes its webhooks."""

    listener: Listener

    def __init__(self, folder: Path, webhook_url: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._variables = os.environ | {
            "SANDBOX_URL": self.url,
            "SANDBOX_DATA": str(folder),
            "SANDBOX_WEBHOOK_URL": webhook_url,
            "SANDBOX_PACE": str(PACE),
            "PAYMENTS_WEBHOOK_SECRETS": ",".join(django_settings.PAYMENTS_WEBHOOK_SECRETS),
        }
        self._client = httpx.Client(base_url=self.url)
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "sandbox_provider"], cwd=DEPLOY, env=self._variables)
        wait_until(self._listens, 20, "the provider's start")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def intents(self, payment: Payment) -> list[dict[str, Any]]:
        """What the provider has for this payment, in the order of its attempts."""
        references = [str(attempt.pk) for attempt in payment.attempts.order_by("number")]
        answers = (self._client.get("/v1/intents", params={"reference": each}).json() for each in references)
        return [intent for answer in answers for intent in answer["data"][::-1]]

    def shopper(self, intent: dict[str, Any], verdict: str) -> str:
        """Approve or decline on the hosted page; where the shopper is sent."""
        return self._client.post(f"/pay/{intent['id']}/{verdict}").headers["Location"]

    def done(self, payment: Payment, what: str) -> int:
        """How often something had its effect: authorized, captured, cancelled."""
        return sum(line["what"] == what for intent in self.intents(payment) for line in intent["history"])


class Purchase:
    """One order as its shopper, orders, the provider and a reader of our events see it."""

    def __init__(self, api, provider: Provider, listener: Listener, *, user_id: UUID | None, currency: str = "EUR"):
        self.api, self.provider, self.listener, self.user_id = api, provider, listener, user_id
        self.order_id, self.payment_id, self.currency = uuid4(), uuid4(), currency
        self.number = f"CB-{uuid4().hex[:10].upper()}"
        self.token = "a-guests-order-token"
        self.headers = bearer(user_id) if user_id else {"Order-Token": self.token}
        self.expires_at = timezone.now() + timedelta(minutes=30)

    # orders
    def say(self, name: str, event_id: UUID | None = None, **data: Any) -> bool:
        """Deliver `order.<name>`, as the consumer would."""
        reference = {"order_id": self.order_id, "order_number": self.number, "user_id": self.user_id}
        type_ = f"crossborder.order.{name}.v1"
        return deliver(type_, {**reference, "payment_id": self.payment_id, **data}, key=self.order_id, id=event_id)

    def request(self, **changes: Any) -> Purchase:
        sha256 = None if self.user_id else hashlib.sha256(self.token.encode()).hexdigest()
        total = {"amount_minor": TOTAL, "currency": self.currency}
        self.say("payment_requested", guest_token_sha256=sha256, total=total, expires_at=self.expires_at, **changes)
        return self

    def ask_refund(self, amount: int, refund_id: UUID | None = None, **data: Any) -> UUID:
        refund_id = refund_id or uuid4()
        money = {"amount_minor": amount, "currency": self.currency}
        data = {"reason": "return", "lines": [], "repeat": 0, **data}
        self.say("refund_requested", refund_id=refund_id, amount=money, **data)
        return refund_id

    # the shopper
    def confirm(self, method: str, key: str | None = None, **changes: Any) -> Response:
        body = {"payment_method": method, "return_url": "https://shop.example/paid", **changes}
        headers = {**self.headers, "Idempotency-Key": key or uuid4().hex}
        return self.api.post(f"/api/v1/payments/{self.payment_id}/confirm", body, headers=headers)

    def pay(self, method: str) -> Purchase:
        answer = self.confirm(method)
        assert answer.status_code == 202, answer.json()
        return self

    def shown(self) -> dict[str, Any]:
        return self.api.get(f"/api/v1/payments/{self.payment_id}", headers=self.headers).json()

    # what became of it
    @property
    def payment(self) -> Payment:
        return Payment.objects.get(pk=self.payment_id)

    @property
    def state(self) -> str:
        return self.payment.state

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """What we said, in order; each was checked against its schema when it was written."""
        rows = OutboxEvent.objects.filter(key=str(self.order_id)).order_by("id")
        return [
            (event.type.removeprefix("crossborder.payment.").removesuffix(".v1"), event.data)
            for event in map(as_event, rows)
        ]

    def said(self) -> list[str]:
        return [name for name, _ in self.events()]

    def intents(self) -> list[dict[str, Any]]:
        return self.provider.intents(self.payment)

    def done(self, what: str) -> int:
        return self.provider.done(self.payment, what)

    def kept(self) -> int:
        """The money that the provider took or holds for the shop, refunds taken off."""
        return sum(
            intent["amount"] - sum(row["amount"] for row in intent["refunds"] if row["status"] != "failed")
            for intent in self.intents()
            if intent["status"] in ("authorized", "captured")
        )

    # webhooks
    def webhooks(self, count: int = 1) -> list[tuple[bytes, str]]:
        """The first webhooks about its newest object, once so many have come."""
        object_id = self.intents()[-1]["id"]
        wait_until(lambda: len(self.listener.of(object_id)) >= count, 10, f"webhook {count}")
        return self.listener.of(object_id)

    def hand_over(self, webhook: tuple[bytes, str]) -> Response:
        body, signature = webhook
        path = "/api/v1/webhooks/payments/sandbox"
        return self.api.post(path, body, content_type="application/json", headers={"Sandbox-Signature": signature})


@pytest.fixture(scope="session")
def listener() -> Iterator[Listener]:
    taking = Listener()
    yield taking
    taking.server.shutdown()


@pytest.fixture(scope="session")
def provider(listener, tmp_path_factory) -> Iterator[Provider]:
    running = Provider(tmp_path_factory.mktemp("sandbox"), listener.url)
    yield running
    running.kill()


@pytest.fixture
def connected(settings, provider, monkeypatch) -> Iterator[None]:
    """The service speaks with the provider's process, and waits less long than in production."""
    settings.SANDBOX_URL = provider.url
    settings.PAYMENTS_RETURN_ORIGINS = ["https://shop.example"]
    monkeypatch.setattr(sandbox, "TIMEOUT", PATIENCE)
    registry.provider_named.cache_clear()
    yield
    registry.provider_named.cache_clear()


@pytest.fixture
def own_provider(connected, settings, tmp_path) -> Iterator[Provider]:
    """A provider of which no other test has asked anything."""
    taking = Listener()
    running = Provider(tmp_path, taking.url)
    running.listener = taking
    settings.SANDBOX_URL = running.url
    registry.provider_named.cache_clear()
    yield running
    running.kill()
    taking.server.shutdown()


@pytest.fixture
def purchase(api, connected, eager_tasks, provider, listener) -> Purchase:
    """An account's order that asks to be paid."""
    return Purchase(api, provider, listener, user_id=uuid4()).request()


@pytest.fixture
def guest_purchase(api, connected, eager_tasks, provider, listener) -> Purchase:
    return Purchase(api, provider, listener, user_id=None).request()


@pytest.fixture
def sweep(time_machine_at):
    """`sweep()` - the sweep as it runs 40 s later, each time."""
    passed = 0

    def run(seconds: int = 40) -> int:
        nonlocal passed
        passed += seconds
        with time_machine_at(seconds=passed):
            return settle_payments()

    return run


@pytest.fixture
def without_workers():
    """No task is run at once: what was asked for waits for the sweep (workers are away)."""
    from celery import current_app

    broker = current_app.conf.broker_url
    before = current_app.conf.task_always_eager
    current_app.conf.task_always_eager = False
    current_app.conf.broker_url = "redis://127.0.0.1:1/0"
    yield
    current_app.conf.task_always_eager, current_app.conf.broker_url = before, broker


@pytest.fixture
def wait_for():
    """chassis' `wait_until`: the condition's first true value, or a failure after ten seconds."""
    return wait_until
