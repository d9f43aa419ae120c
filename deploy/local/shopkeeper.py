"""Somebody of the shop's staff: an account with roles, who receives goods, ships, and sees to what goes wrong."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from typing import Any

from .layout import ROOT, Layout, read_variables
from .shopper import Shopper


def manage(layout: Layout, service: str, *arguments: str) -> str:
    """Run a manage.py command of a service against this stack; returns what it prints, raises RuntimeError with it."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT / "services" / service,
        env=os.environ | read_variables(layout.env_file) | ({"CROSSBORDER_TESTING": "1"} if layout.test else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"manage.py {' '.join(arguments)} in {service}: {done.stdout}{done.stderr}")
    return done.stdout


class Shopkeeper(Shopper):
    """A shopper's account with staff roles, logged in."""

    def __init__(self, layout: Layout, *roles: str) -> None:
        super().__init__(layout)
        self.register()
        self.verify()
        for role in roles:
            manage(layout, "identity", "grant_role", self.email, role)
        self.log_in()

    def receive(self, sku: str, quantity: int, warehouse: str = "NL-AMS") -> None:
        """Goods arrive at a warehouse."""
        body = {"sku": sku, "warehouse": warehouse, "delta": quantity, "reason": "received"}
        self.ask("POST", "staff/stock/adjustments", expect=201, json=body)

    def ship(self, order: dict[str, Any], units: dict[int, int], *, expect: int = 201) -> dict[str, Any]:
        """So many units by line id leave with a parcel service."""
        lines = [{"line_id": line_id, "quantity": quantity} for line_id, quantity in units.items()]
        parcel = {"lines": lines, "carrier": "PostNL", "tracking_number": "3SCBTA0012345"}
        return self.change("POST", order, "shipments", expect=expect, **parcel)

    def deliver(self, order: dict[str, Any]) -> None:
        """Every parcel of it arrives."""
        for shipment in self.ask("GET", f"staff/orders/{order['id']}").json()["shipments"]:
            self.ask("POST", f"staff/shipments/{shipment['id']}/delivery")

    def change(
        self, method: str, order: dict[str, Any], path: str, *, expect: int = 200, **body: Any
    ) -> dict[str, Any]:
        """A staff write on an order as it is now (its ETag is read first)."""
        etag = self.ask("GET", f"staff/orders/{order['id']}").headers["ETag"]
        url = f"staff/orders/{order['id']}/{path}"
        headers = {"If-Match": etag, "Idempotency-Key": secrets.token_hex(12)}
        return self.ask(method, url, expect=expect, json=body, headers=headers).json()
