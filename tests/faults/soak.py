"""`make soak minutes=10 rate=20`: shoppers, a provider on bad days, processes that are killed; then every invariant.

Each shopper follows one of STORIES as a storefront does: it repeats a request with the same key until it is answered.
While they shop, chaos is on at the provider (`POST /admin/chaos`) and every `KILL_EVERY` seconds one process of KILLED
is ended by SIGKILL. Afterwards chaos is turned off, what is under way comes to rest, and I1 to I8 are asked over all
schemas and topics. Prints what shoppers met and how their orders ended, and exits with 1 when an invariant is violated
or an order that was accepted is not found.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import secrets
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from deploy.audit import topics
from deploy.audit.__main__ import connect, violations
from deploy.local import supervisor
from deploy.local.layout import Layout, choose_layout, read_variables
from deploy.local.shopkeeper import Shopkeeper
from deploy.local.shopper import ADDRESSES, Shopper

SKUS = ["TEE-ORGANIC-BLACK-M", "COFFEE-SIDAMO-1KG", "MUG-DELFT-300ML"]
KILL_EVERY = 20.0  # seconds
KILLED = [
    *(("orders", "web"), ("orders", "events"), ("orders", "worker"), ("catalog", "events"), ("catalog", "worker")),
    *(("payments", "web"), ("payments", "worker"), ("payments", "events"), ("notifications", "events")),
    *(("notifications", "worker"), ("sandbox", "sandbox"), ("redis", "redis"), ("database", "database")),
    *(("kafka", "kafka"), ("gateway", "gateway"), ("orders", "beat"), ("payments", "beat")),
]
RATES = {
    "decline": 0.05,
    "slow": 0.05,
    "timeout_after": 0.03,
    "timeout_before": 0.03,
    "error_500": 0.02,
    "error_done": 0.02,
    "refund_fails": 0.05,
    "webhook_late": 0.05,
    "webhook_twice": 0.1,
    "webhook_reordered": 0.05,
    "webhook_lost": 0.05,
}
STORIES = {  # how many of twenty shoppers
    "pays": 10,
    "pays and cancels": 3,
    "cancels while paying": 3,
    "cancels at once": 2,
    "never pays": 1,
    "wants the last poster": 1,
}
POSTER = "POSTER-LAST-ONE"
PATIENCE = 150.0  # seconds that a storefront repeats a request
SETTLING = 180.0  # seconds that everything may take to come to rest


class Storefront(Shopper):
    """A shopper whose storefront repeats what was not answered, and counts what it met."""

    def __init__(self, layout: Layout, met: Counter[str]) -> None:
        super().__init__(layout)
        self.poll_seconds = 1.0  # as the Retry-After of a checkout says
        self.met = met

    def ask(self, method: str, path: str, *, expect: int | None = 200, **request: Any) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE
        if method == "POST":
            request.setdefault("headers", {}).setdefault("Idempotency-Key", secrets.token_hex(12))
        while True:
            try:
                answer = self.http.request(method, path, **request)
                if answer.status_code < 500 and answer.status_code != 429 and not _in_flight(answer):
                    self.met[f"{answer.status_code}"] += 1
                    return answer
                self.met[f"{answer.status_code}, repeated"] += 1
            except httpx.TransportError as error:
                self.met[f"{type(error).__name__}, repeated"] += 1
            if time.monotonic() > deadline:
                raise TimeoutError(f"{method} {path} was not answered for {PATIENCE:.0f} s")
            time.sleep(0.5)


def _in_flight(answer: httpx.Response) -> bool:
    return answer.status_code == 409 and "request_in_flight" in answer.text


class Soak:
    """One run: its shoppers, what they met, and the orders that were accepted."""

    def __init__(self, layout: Layout, seed: int) -> None:
        self.layout = layout
        self.random = random.Random(seed)
        self.met: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.killed: Counter[str] = Counter()
        self.accepted: dict[str, tuple[Storefront, dict]] = {}
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.took = 0.0

    def shop(self, story: str, number: int) -> None:
        try:
            self._shop(story, number)
        except (TimeoutError, KeyError, AssertionError) as error:
            with self.lock:
                self.ended[f"{story}: gave up ({type(error).__name__}: {str(error)[:120]})"] += 1

    def _shop(self, story: str, number: int) -> None:
        buyer = Storefront(self.layout, self.met)
        sku = POSTER if story == "wants the last poster" else SKUS[number % len(SKUS)]
        order = self._order(buyer, sku)
        if order is None:
            self._note(story, "out of stock")
            return
        with self.lock:
            self.accepted[order["id"]] = (buyer, order)
        if story == "never pays":
            return
        if story == "cancels at once":
            buyer.ask("POST", f"orders/{order['id']}/cancel", expect=None, json={})
            return
        state = self._until(buyer, order, "pending_stock")
        if state == "awaiting_payment":
            self._pay(buyer, order, cancelling=story == "cancels while paying")
        if story == "pays and cancels":
            self._until(buyer, order, "awaiting_payment", "confirmed", "pending_stock")
            buyer.ask("POST", f"orders/{order['id']}/cancel", expect=None, json={})

    def _order(self, buyer: Storefront, sku: str) -> dict | None:
        cart = buyer.ask("POST", "carts", json={"currency": "EUR"})
        buyer.http.headers["Cart-Token"] = cart.headers.get("Cart-Token", "")
        headers = {"If-Match": cart.headers["ETag"]}
        buyer.ask("PUT", f"carts/{cart.json()['id']}/items/{sku}", json={"quantity": 1}, headers=headers)
        place = {"country": "DE", "postal_code": ADDRESSES["DE"]["postal_code"]}
        quotes = buyer.ask("POST", "quotes", json={"cart_id": cart.json()["id"], "ship_to": place, "currency": "EUR"})
        if quotes.status_code != 201:
            return None
        body = {
            "quote_id": quotes.json()["data"][0]["id"],
            "contact": {"email": buyer.email, "name": buyer.name},
            "shipping_address": {"name": buyer.name, **ADDRESSES["DE"]},
        }
        answer = buyer.ask("POST", "orders", json=body)
        if answer.status_code != 202:
            raise AssertionError(f"checkout answered {answer.status_code}: {answer.text[:200]}")
        buyer.http.headers["Order-Token"] = answer.headers["Order-Token"]
        return answer.json()

    def _pay(self, buyer: Storefront, order: dict, *, cancelling: bool) -> None:
        """Confirm until it is paid or closed; a decline is tried again, as people do."""
        deadline = time.monotonic() + PATIENCE
        body = {"payment_method": "tok_success", "return_url": f"{self.layout.url('gateway')}/thanks"}
        while time.monotonic() < deadline:
            buyer.ask("POST", f"payments/{order['payment_id']}/confirm", expect=None, json=body)
            if cancelling:
                buyer.ask("POST", f"orders/{order['id']}/cancel", expect=None, json={})
                return
            for _ in range(20):
                time.sleep(buyer.poll_seconds)
                state = buyer.ask("GET", f"orders/{order['id']}").json()["state"]
                if state != "awaiting_payment":
                    return
                payment = buyer.ask("GET", f"payments/{order['payment_id']}")
                if payment.status_code == 200 and payment.json()["status"] == "created":
                    break
        raise TimeoutError(f"{order['number']} could not be paid")

    def _until(self, buyer: Storefront, order: dict, *past: str) -> str:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            state = buyer.ask("GET", f"orders/{order['id']}").json()["state"]
            if state not in past:
                return state
            time.sleep(buyer.poll_seconds)
        raise TimeoutError(f"{order['number']} stayed {state}")

    def _note(self, story: str, what: str) -> None:
        with self.lock:
            self.ended[f"{story}: {what}"] += 1

    def kill(self) -> None:
        """End a process every so often, as the kernel would."""
        while not self.stop.wait(KILL_EVERY):
            group, role = self.random.choice(KILLED)
            states = supervisor.states(self.layout)
            victim = next((info for (g, name), info in states.items() if (g, name) == (group, role)), None)
            if victim and victim["pid"]:
                os.kill(victim["pid"], signal.SIGKILL)
                self.killed[f"{group}:{role}"] += 1

    def run(self, rate: float, seconds: float) -> None:
        stories = [story for story, share in STORIES.items() for _ in range(share)]
        killer = threading.Thread(target=self.kill)
        killer.start()
        started = time.monotonic()
        with ThreadPoolExecutor(200) as pool:
            for number in range(int(rate * seconds)):
                pause = started + number / rate - time.monotonic()
                if pause > 0:
                    time.sleep(pause)
                pool.submit(self.shop, self.random.choice(stories), number)
        self.took = time.monotonic() - started  # longer than asked where the machine is slower than its shoppers
        self.stop.set()
        killer.join()

    def lost(self) -> list[str]:
        """Orders that were accepted and are not there, or are not under way to any end."""
        missing = []
        for buyer, order in self.accepted.values():
            answer = buyer.ask("GET", f"orders/{order['id']}")
            state = answer.json().get("state", "not found") if answer.status_code == 200 else "not found"
            self.ended[state] += 1
            if state in {"not found", "pending_stock", "confirmed"}:
                missing.append(f"{order['number']}: {state}")
        return missing


def chaos(layout: Layout, seed: int, rates: dict[str, float]) -> None:
    httpx.post(f"{layout.url('sandbox')}/admin/chaos", json={"seed": seed, "rates": rates}).raise_for_status()


def send_failed_refunds_again(keeper: Shopkeeper, variables: dict[str, str]) -> int:
    """What a person does about refunds that the provider refused; how many there were."""
    cursor = connect(variables).cursor()
    cursor.execute("SELECT payment_id, id FROM crossborder_payments.payments_refund WHERE state = 'failed'")
    failed = list(cursor.fetchall())
    for payment_id, refund_id in failed:
        keeper.ask("POST", f"staff/payments/{payment_id}/refunds/{refund_id}/retry", expect=None)
    return len(failed)


def at_rest(layout: Layout) -> dict[str, list[tuple]]:
    """The violations that are left when everything has had its time."""
    variables = read_variables(layout.env_file)
    deadline = time.monotonic() + SETTLING
    while True:
        found = violations(variables, settled=30)
        found |= topics.violations(variables, connect(variables), settled=30)
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(5)


def sent(layout: Layout) -> dict[str, int]:
    """Events on the topics, and how many of the messages are repetitions: a relay died between send and delete."""
    ids = [record.id for record in topics.read_topics(read_variables(layout.env_file)["KAFKA_BOOTSTRAP_SERVERS"])]
    return {"events": len(set(ids)), "sent twice": len(ids) - len(set(ids))}


def repeated(layout: Layout) -> int:
    """Transactions that a deadlock or a lock wait ended and that were repeated, as the logs tell."""
    return sum(log.read_text(errors="replace").count("transaction repeated") for log in layout.logs.glob("*.log"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=20, help="shoppers a second")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    layout = choose_layout(test=True)
    keeper = Shopkeeper(layout, "catalog", "finance")
    for sku in SKUS:
        keeper.receive(sku, int(options.rate * options.minutes * 60))
        keeper.order_one(sku)
    soak = Soak(layout, options.seed)
    chaos(layout, options.seed, RATES)
    soak.run(options.rate, options.minutes * 60)
    chaos(layout, options.seed, {})
    keeper.log_in()  # a refund asks for a login of the last ten minutes
    refused = send_failed_refunds_again(keeper, read_variables(layout.env_file))
    found = at_rest(layout)
    missing = soak.lost()
    for title, counted in (("met", soak.met), ("killed", soak.killed), ("orders", soak.ended)):
        print(f"{title}: {dict(counted.most_common())}")
    for name, rows in found.items():
        print(f"!! {name}: {rows[:5]}")
    for order in missing[:20]:
        print(f"!! lost or stuck: {order}")
    figures = {"shoppers": int(options.rate * options.minutes * 60), "orders": len(soak.accepted)}
    figures |= {"refunds sent again by hand": refused, "conflicts": repeated(layout)}
    figures |= sent(layout)
    figures |= {
        "took_seconds": round(soak.took),
        "kills": sum(soak.killed.values()),
        "violations": len(found),
        "stuck": len(missing),
    }
    print(json.dumps({"soak": figures | {"rate": options.rate, "minutes": options.minutes, "seed": options.seed}}))
    return int(bool(found or missing))


if __name__ == "__main__":
    sys.exit(main())
