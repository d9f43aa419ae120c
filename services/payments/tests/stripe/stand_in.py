"""Stripe as far as the plug-in asks it, in the shapes of its public API description (`shapes.json`, as stripe-mock
answers), but with a memory: intents change, keys are replayed, and what is not in the description is refused.
"""

from __future__ import annotations

import copy
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SHAPES = json.loads((Path(__file__).parent / "shapes.json").read_text())
PARAMS = {  # what Stripe's description allows, of what the plug-in sends
    "POST /v1/payment_intents": (
        "amount currency capture_method payment_method_types[0] description metadata[reference]"
    ),
    "POST /v1/payment_intents/{id}/confirm": "payment_method return_url",
    "POST /v1/payment_intents/{id}/capture": "",
    "POST /v1/payment_intents/{id}/cancel": "",
    "GET /v1/payment_intents/{id}": "expand[0]",
    "GET /v1/payment_intents/search": "query limit",
    "POST /v1/refunds": "payment_intent amount metadata[reference]",
    "GET /v1/refunds": "payment_intent limit",
    "GET /v1/disputes": "payment_intent limit",
    "GET /v1/balance_transactions": "created[gte] created[lt] limit expand[0] starting_after",
}
DECLINES = {"pm_card_chargeDeclined": "generic_decline", "pm_card_stolen": "stolen_card"}


class Error(Exception):
    def __init__(self, status: int, type_: str, code: str = "", **fields: Any):
        self.status, self.body = status, {"error": {"type": type_, "code": code, "message": code or type_, **fields}}


class StripeStandIn:
    """`failures` maps a call to what it answers instead, once: (status, error type), or "silence" after its effect."""

    def __init__(self) -> None:
        stand_in = self
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: list[dict[str, Any]] = []
        self.disputes: list[dict[str, Any]] = []
        self.transactions: list[dict[str, Any]] = []
        self.replays: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, dict[str, str], str]] = []
        self.failures: dict[str, Any] = {}
        self.finds = True

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.answer("GET", urlsplit(self.path).query)

            def do_POST(self) -> None:
                self.answer("POST", self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

            def answer(self, method: str, form: str) -> None:
                try:
                    key = self.headers.get("Idempotency-Key", "")
                    status, body = 200, stand_in.asked(method, urlsplit(self.path).path, dict(parse_qsl(form)), key)
                except Error as error:
                    status, body = error.status, error.body
                except ConnectionError:
                    self.close_connection = True
                    return
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def asked(self, method: str, path: str, params: dict[str, str], key: str) -> dict[str, Any]:
        parts = path.split("/")
        object_id = parts[3] if len(parts) > 3 and parts[3] != "search" else ""
        call = f"{method} {path.replace(object_id, '{id}')}" if object_id else f"{method} {path}"
        self.requests.append((call, params, key))
        if call not in PARAMS:
            raise Error(404, "invalid_request_error", "url_invalid")
        if unknown := set(params) - set(PARAMS[call].split()):
            raise Error(400, "invalid_request_error", "parameter_unknown", param=sorted(unknown)[0])
        failure = self.failures.pop(call, None)
        if failure is not None and failure != "silence":
            raise Error(*failure)
        if key in self.replays:
            return self.replays[key]
        body = copy.deepcopy(self.do(call, object_id, params))
        if key:
            self.replays[key] = body
        if failure == "silence":
            raise ConnectionError
        return body

    def do(self, call: str, object_id: str, params: dict[str, str]) -> dict[str, Any]:
        about = [row for row in self.refunds if row["payment_intent"] == params.get("payment_intent")]
        match call.removesuffix("s").split("/")[-1], call:
            case _, "POST /v1/payment_intents":
                return self.create(params)
            case _, "GET /v1/payment_intents/search":
                found = [row for row in self.intents.values() if row["metadata"]["reference"] in params["query"]]
                return listed(found if self.finds else [])
            case _, "GET /v1/refunds":
                return listed(about)
            case _, "GET /v1/disputes":
                return listed([row for row in self.disputes if row["payment_intent"] == params["payment_intent"]])
            case _, "GET /v1/balance_transactions":
                ids = [row["id"] for row in self.transactions]
                start = ids.index(params["starting_after"]) + 1 if "starting_after" in params else 0
                return listed(self.transactions[start : start + 2], has_more=start + 2 < len(ids))
            case _, "POST /v1/refunds":
                return self.refund(params)
        if object_id not in self.intents:
            raise Error(404, "invalid_request_error", "resource_missing", param="intent")
        intent = self.intents[object_id]
        return {"confirm": self.confirm, "capture": self.capture, "cancel": self.cancel}.get(
            call.split("/")[-1], lambda intent, params: intent
        )(intent, params)

    def create(self, params: dict[str, str]) -> dict[str, Any]:
        intent = copy.deepcopy(SHAPES["payment_intent"]) | {
            "id": f"pi_{len(self.intents)}_{int(time.time() * 1e6)}",
            "amount": int(params["amount"]),
            "currency": params["currency"],
            "capture_method": params["capture_method"],
            "metadata": {"reference": params["metadata[reference]"]},
            "latest_charge": None,
        }
        self.intents[intent["id"]] = intent
        return intent

    def confirm(self, intent: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
        method = params["payment_method"]
        if method == "pm_nobody_knows":
            raise Error(400, "invalid_request_error", "resource_missing", param="payment_method")
        if method in DECLINES:
            error = {"type": "card_error", "code": "card_declined", "decline_code": DECLINES[method]}
            intent["last_payment_error"] = error
            raise Error(402, "card_error", "card_declined", decline_code=DECLINES[method])
        if method == "pm_card_threeDSecure2Required":
            url = "https://hooks.stripe.com/redirect/authenticate/src_1"
            intent["status"] = "requires_action"
            intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": ""}}
            return intent
        return self.approve(intent)

    def approve(self, intent: dict[str, Any]) -> dict[str, Any]:
        charge = copy.deepcopy(SHAPES["payment_intent"]["latest_charge"])
        charge |= {"amount": intent["amount"], "currency": intent["currency"], "payment_intent": intent["id"]}
        intent |= {"status": "requires_capture", "next_action": None, "latest_charge": charge}
        return intent

    def capture(self, intent: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
        if intent["status"] != "requires_capture":
            raise Error(400, "invalid_request_error", "payment_intent_unexpected_state")
        intent["latest_charge"]["amount_captured"] = intent["amount"]
        intent |= {"status": "succeeded", "amount_received": intent["amount"]}
        return intent

    def cancel(self, intent: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
        if intent["status"] in ("succeeded", "canceled"):
            raise Error(400, "invalid_request_error", "payment_intent_unexpected_state")
        intent["status"] = "canceled"
        return intent

    def refund(self, params: dict[str, str]) -> dict[str, Any]:
        row = copy.deepcopy(SHAPES["refund"]) | {
            "id": f"re_{len(self.refunds)}",
            "amount": int(params["amount"]),
            "payment_intent": params["payment_intent"],
            "metadata": {"reference": params["metadata[reference]"]},
        }
        self.refunds.append(row)
        return row

    def dispute(self, intent: dict[str, Any], status: str, amount: int) -> None:
        """A bank contests a charge, or decides."""
        intent["latest_charge"]["disputed"] = True
        row = copy.deepcopy(SHAPES["dispute"]) | {"payment_intent": intent["id"], "amount": amount, "status": status}
        self.disputes[:] = [row]


def listed(rows: list[dict[str, Any]], *, has_more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": rows, "has_more": has_more, "url": "/"}
