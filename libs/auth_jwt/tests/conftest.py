"""What the tests share: an installed key, and an issuer that is a real HTTP server and counts who asks."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from auth_jwt import keys
from auth_jwt.testing import install_key
from cryptography.hazmat.primitives.asymmetric import ec
from rest_framework.test import APIClient


def public_entry(private: ec.EllipticCurvePrivateKey, kid: str) -> dict[str, Any]:
    """A key's entry in a key set."""
    entry = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(private.public_key()))
    return {**entry, "kid": kid, "use": "sig", "alg": "ES256"}


class Issuer:
    """Serves `body` with `status` at `url`; `asked` counts the requests."""

    def __init__(self) -> None:
        self.body, self.status, self.asked = b'{"keys": []}', 200, 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                self.send_response(issuer.status)
                self.send_header("Content-Length", str(len(issuer.body)))
                self.end_headers()
                self.wfile.write(issuer.body)

            def log_message(self, *args: object) -> None:
                """Nothing: the tests look at the counter."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def publishes(self, *entries: dict[str, Any]) -> None:
        self.body = json.dumps({"keys": entries}).encode()

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def issuer(settings) -> Iterator[Issuer]:
    started = Issuer()
    settings.AUTH_JWT = {**settings.AUTH_JWT, "JWKS_URL": started.url}
    yield started
    started.end()


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    keys.forget()


@pytest.fixture
def client(transactional_db) -> APIClient:
    """A client of a service that knows the test key."""
    install_key()
    return APIClient()
