"""The provider over HTTP: JSON for shops, two pages for people."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

from . import pages
from .methods import Manner
from .provider import Provider, Reply
from .requests import Refusal
from .settings import Settings
from .webhooks import Sender

LONGEST_BODY = 64 * 1024
WAITS = {Manner.SLOW: 2, Manner.HANG: 6, Manner.LOST: 6}  # seconds, longer than a shop's patience (3 s) but for SLOW
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"  # form-action would stop the 303


class Handler(BaseHTTPRequestHandler):
    """One connection; requests on it are answered one after the other."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 75

    def do_GET(self) -> None:
        provider = self.server.provider
        address = urlsplit(self.path)
        match [part for part in address.path.split("/") if part]:
            case []:
                self._answer(200, pages.index(provider.newest(100)), "text/html")
            case ["healthz"]:
                self._answer(200, '{"status": "ok"}')
            case ["v1", "intents"]:
                reference = parse_qs(address.query).get("reference", [""])[0]
                found = [intent.as_json() for intent in provider.of_reference(reference)]
                self._answer(200, json.dumps({"data": found}))
            case ["v1", "intents", intent_id]:
                self._guarded(lambda: self._answer(200, json.dumps(provider.intent(intent_id).as_json())))
            case ["v1", "settlements", day]:
                self._answer(200, json.dumps({"day": day, "data": provider.settlement(day)}))
            case ["pay", intent_id]:
                self._guarded(lambda: self._answer(200, pages.hosted(provider.intent(intent_id)), "text/html"))
            case _:
                self._answer(404, Refusal(404, "not_found", "there is no such page").body)

    def do_POST(self) -> None:
        raw = self._body()
        if raw is None:
            return
        key, provider = self.headers.get("Idempotency-Key", ""), self.server.provider
        match [part for part in urlsplit(self.path).path.split("/") if part]:
            case ["v1", "intents"]:
                self._guarded(lambda: self._reply(provider.create(key, raw)))
            case ["v1", "intents", intent_id, "capture"]:
                self._guarded(lambda: self._reply(provider.capture(key, intent_id, raw)))
            case ["v1", "intents", intent_id, "cancel"]:
                self._guarded(lambda: self._reply(provider.cancel(key, intent_id, raw)))
            case ["v1", "intents", intent_id, "refunds"]:
                self._guarded(lambda: self._reply(provider.refund(key, intent_id, raw)))
            case ["admin", "chaos"]:
                self._guarded(lambda: self._answer(200, json.dumps(provider.misbehave(raw))))
            case ["admin", "intents", intent_id, "dispute"]:
                self._guarded(lambda: self._answer(200, json.dumps(provider.dispute(intent_id, raw).as_json())))
            case ["admin", "intents", intent_id, "dispute", "won" | "lost" as verdict]:
                decide = provider.decide_dispute
                self._guarded(lambda: self._answer(200, json.dumps(decide(intent_id, verdict).as_json())))
            case ["pay", intent_id, "approve" | "decline" as verdict]:
                self._guarded(lambda: self._send_back(intent_id, verdict == "approve"))
            case _:
                self._answer(404, Refusal(404, "not_found", "there is no such call").body)

    def _guarded(self, answer: Callable[[], None]) -> None:
        try:
            answer()
        except Refusal as refusal:
            self._answer(refusal.status, refusal.body)

    def _body(self) -> bytes | None:
        """The whole body; answers and returns None when it has no length or is too long."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LONGEST_BODY or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            self._answer(413, Refusal(413, "body_too_large", f"a body has at most {LONGEST_BODY} bytes").body)
            return None
        return self.rfile.read(int(length))

    def _reply(self, reply: Reply) -> None:
        if reply.first:
            self.server.sender.deliver(reply.first)
        if reply.manner in WAITS:
            time.sleep(WAITS[reply.manner] * self.server.settings.pace)
        if reply.manner is Manner.LOST:
            self.close_connection = True
            return
        self._answer(reply.status, reply.body, replayed=reply.replayed)

    def _send_back(self, intent_id: str, approves: bool) -> None:
        intent = self.server.provider.answer_shopper(intent_id, approves)
        target = urlsplit(intent.return_url)
        query = urlencode([*parse_qsl(target.query, keep_blank_values=True), ("intent", intent.id)])
        back = urlunsplit(target._replace(query=query)) if intent.return_url else f"/pay/{intent.id}"
        self.send_response(303)
        self.send_header("Location", back)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, status: int, text: str, kind: str = "application/json", *, replayed: bool = False) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        if replayed:
            self.send_header("Idempotent-Replayed", "true")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Only errors are logged; / shows what happened to each intent."""
        if format.startswith("code"):
            super().log_message(format, *args)


class Server(ThreadingHTTPServer):
    """Listens at once, so that there is only one; answers when it has been given its provider."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, settings: Settings) -> None:
        super().__init__((settings.host, settings.port), Handler)
        self.settings = settings

    def serve(self, provider: Provider, sender: Sender) -> None:
        """Answer requests until the process ends."""
        self.provider, self.sender = provider, sender
        self.serve_forever()
