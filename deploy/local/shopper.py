"""A person who shops: everything goes through the gateway, and every answer is checked.

Used by `make demo`, the end-to-end tests and the purchase benchmark.
"""

from __future__ import annotations

import re
import secrets
import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx

from .layout import Layout

ADDRESSES = {
    "DE": {"line1": "Torstraße 1", "city": "Berlin", "postal_code": "10119", "country": "DE"},
    "NL": {"line1": "Keizersgracht 1", "city": "Amsterdam", "postal_code": "1015 CC", "country": "NL"},
    "US": {"line1": "350 5th Ave", "city": "New York", "region": "NY", "postal_code": "10118", "country": "US"},
    "JP": {"line1": "1-1 Chiyoda", "city": "Chiyoda-ku", "region": "Tokyo", "postal_code": "100-0001", "country": "JP"},
}
CERTIFICATES = ssl.create_default_context()  # read once: a client of its own reading costs 18 ms of processor


class Unexpected(AssertionError):
    """An answer that was not promised."""


class Shopper:
    """A registered buyer after `register()`, or a guest. `language` is sent as Accept-Language."""

    def __init__(self, layout: Layout, *, language: str = "en") -> None:
        self.layout = layout
        self.http = httpx.Client(base_url=f"{layout.url('gateway')}/api/v1/", timeout=20, verify=CERTIFICATES)
        self.http.headers["Accept-Language"] = language
        self.email = f"shopper-{secrets.token_hex(6)}@example.com"
        self.name = "Mira de Vries"
        self.poll_seconds = 0.05

    def ask(self, method: str, path: str, *, expect: int | None = 200, **request: Any) -> httpx.Response:
        """One request; raises Unexpected with the whole answer when its status is not `expect`."""
        answer = self.http.request(method, path, **request)
        if expect is not None and answer.status_code != expect:
            raise Unexpected(f"{method} {path} answered {answer.status_code}, not {expect}: {answer.text[:1500]}")
        return answer

    # --- account ---

    def register(self) -> None:
        self.password = secrets.token_urlsafe(12)
        body = {"email": self.email, "password": self.password, "name": self.name}
        self.ask("POST", "auth/register", expect=202, json=body)

    def verify(self) -> str:
        """Enter the code from the mail that arrived; returns it."""
        code = re.findall(r"\b\d{8}\b", self.mail("code")["text"])[0]
        self.ask("POST", "auth/verify-email", json={"email": self.email, "code": code})
        return code

    def log_in(self) -> dict[str, Any]:
        tokens = self.ask("POST", "auth/token", json={"email": self.email, "password": self.password}).json()
        self.http.headers["Authorization"] = f"Bearer {tokens['access']}"
        return tokens

    def mail(self, about: str, seconds: float = 20) -> dict[str, Any]:
        """The first mail to this shopper whose subject has `about` in it (any case)."""

        def arrived() -> dict[str, Any] | None:
            found = httpx.get(f"{self.layout.url('mailbox')}/messages", params={"to": self.email}, timeout=10).json()
            mails = found if isinstance(found, list) else found["messages"]
            return next((mail for mail in mails if about.lower() in mail["subject"].lower()), None)

        return wait_for(arrived, seconds, f"a mail about {about!r} to {self.email}")

    # --- buying ---

    def open_cart(self, **body: Any) -> dict[str, Any]:
        answer = self.ask("POST", "carts", expect=None, json=body)
        if answer.status_code not in (200, 201):
            raise Unexpected(f"POST carts answered {answer.status_code}: {answer.text[:500]}")
        if "Cart-Token" in answer.headers:
            self.http.headers["Cart-Token"] = answer.headers["Cart-Token"]
        return answer.json() | {"etag": answer.headers["ETag"]}

    def put(self, cart: dict[str, Any], sku: str, quantity: int, *, expect: int = 200) -> dict[str, Any]:
        path, headers = f"carts/{cart['id']}/items/{sku}", {"If-Match": cart["etag"]}
        answer = self.ask("PUT", path, expect=expect, json={"quantity": quantity}, headers=headers)
        return answer.json() | {"etag": answer.headers.get("ETag", cart["etag"])}

    def quote(self, cart: dict[str, Any], country: str, currency: str, **wanted: Any) -> dict[str, Any]:
        place = {
            part: ADDRESSES[country][part]
            for part in ("country", "region", "postal_code")
            if part in ADDRESSES[country]
        }
        body = {"cart_id": cart["id"], "ship_to": place, "currency": currency, **wanted}
        return self.ask("POST", "quotes", expect=201, json=body).json()["data"][0]

    def check_out(self, quote: dict[str, Any], *, key: str | None = None, expect: int = 202) -> dict[str, Any]:
        answer = self.ask(
            "POST",
            "orders",
            expect=expect,
            json={
                "quote_id": quote["id"],
                "contact": {"email": self.email, "name": self.name},
                "shipping_address": {"name": self.name, **ADDRESSES[quote["ship_to"]["country"]]},
            },
            headers={"Idempotency-Key": key or secrets.token_hex(12)},
        )
        if "Order-Token" in answer.headers:
            self.http.headers["Order-Token"] = answer.headers["Order-Token"]
        return answer.json()

    def order_one(self, sku: str, country: str = "DE", currency: str = "EUR", quantity: int = 1) -> dict[str, Any]:
        """From an empty cart to an order that waits for stock."""
        cart = self.put(self.open_cart(currency=currency), sku, quantity)
        return self.check_out(wait_for(lambda: self._quote_in_stock(cart, country, currency), 20, f"{sku} to be there"))

    def _quote_in_stock(self, cart: dict[str, Any], country: str, currency: str) -> dict[str, Any] | None:
        """A quote, or None while orders have not heard (a matter of seconds) that there is stock again."""
        try:
            return self.quote(cart, country, currency)
        except Unexpected as refusal:
            if "out_of_stock" in str(refusal):
                return None
            raise

    def pay(self, order: dict[str, Any], method: str = "tok_success", *, expect: int = 202) -> httpx.Response:
        """Confirm the payment once the order asks for it."""
        self.wait_until(order, "awaiting_payment")
        self.payment(order)
        body = {"payment_method": method, "return_url": f"{self.layout.url('gateway')}/thanks"}
        headers = {"Idempotency-Key": secrets.token_hex(12)}
        return self.ask("POST", f"payments/{order['payment_id']}/confirm", expect=expect, json=body, headers=headers)

    def payment(self, order: dict[str, Any], seconds: float = 20) -> dict[str, Any]:
        """The payment, once payments has opened it (until then it is a 404)."""

        def opened() -> dict[str, Any] | None:
            answer = self.ask("GET", f"payments/{order['payment_id']}", expect=None)
            return answer.json() if answer.status_code == 200 else None

        return wait_for(opened, seconds, "the payment to be opened", pause=self.poll_seconds)

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        return self.ask("GET", f"orders/{order['id']}").json()

    def wait_until(self, order: dict[str, Any], *states: str, seconds: float = 30) -> dict[str, Any]:
        """The order once it is in one of these states."""

        def there() -> dict[str, Any] | None:
            now = self.order(order)
            return now if now["state"] in states else None

        what = f"order {order['number']} to be {' or '.join(states)}"
        return wait_for(there, seconds, what, lambda: self.order(order), pause=self.poll_seconds)

    def timeline(self, order: dict[str, Any]) -> list[str]:
        return [entry["kind"] for entry in self.ask("GET", f"orders/{order['id']}/timeline").json()["data"]]

    def approve_redirect(self, order: dict[str, Any]) -> str:
        """Go where the payment sends us, and approve there as a person would; returns where we were sent back to."""

        def redirect() -> str | None:
            action = self.payment(order)["next_action"]
            return action["url"] if action else None

        page = wait_for(redirect, 20, "the payment to ask for a redirect")
        if "Approve" not in httpx.get(page, timeout=10).text:
            raise Unexpected(f"{page} shows no Approve button")
        return httpx.post(f"{page}/approve", timeout=10).headers["Location"]


def wait_for(
    condition: Callable[[], Any],
    seconds: float,
    what: str,
    seen: Callable[[], Any] | None = None,
    *,
    pause: float = 0.02,
) -> Any:
    """The condition's first true value; raises Unexpected after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Unexpected(f"waited {seconds:.0f} s for {what}" + (f"; it is {seen()}" if seen else ""))
        time.sleep(pause)
    return value
