"""`make bench b=purchase`: orders at a steady rate against the running stack, and how long from placed to paid.

Times are the orders' own (`placed_at`, `paid_at`); between them lies a shopper's page too, which asks again every
`POLL_SECONDS` whether it may pay. Prints a table, what one order costs each process in processor time and, as its last
line, one JSON object with the same figures.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx

from deploy.local import supervisor
from deploy.local.layout import Layout, choose_layout
from deploy.local.shopkeeper import Shopkeeper
from deploy.local.shopper import Shopper, Unexpected, wait_for
from deploy.local.usage import seconds_by_tree

SKUS = ["TEE-ORGANIC-BLACK-M", "COFFEE-SIDAMO-1KG", "MUG-DELFT-300ML"]
POLL_SECONDS = 0.2  # a storefront is told to wait a second; less, so that the page is not what is measured
SHOWN = 12  # processes in the table of processor time


def stock_up(layout: Layout, count: int) -> None:
    """Goods enough for the whole run, and heard of by orders."""
    keeper = Shopkeeper(layout, "catalog")
    for sku in SKUS:
        keeper.receive(sku, count)
        keeper.order_one(sku)


def prepared(layout: Layout, count: int) -> list[tuple[Shopper, dict]]:
    """Guests with a quote in hand, so that the measured time has checkout and payment alone."""

    def prepare(number: int) -> tuple[Shopper, dict]:
        shopper = Shopper(layout)
        shopper.poll_seconds = POLL_SECONDS
        cart = shopper.put(shopper.open_cart(currency="EUR"), SKUS[number % len(SKUS)], 1)
        return shopper, shopper.quote(cart, "DE", "EUR")

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(prepare, range(count)))


def buy(shopper: Shopper, quote: dict) -> dict:
    """Check out and pay as soon as the order asks for it."""
    order = shopper.check_out(quote)
    shopper.pay(order)
    return order


def seconds_to_paid(shopper: Shopper, order: dict) -> float:
    paid = shopper.wait_until(order, "paid", seconds=120)
    return (datetime.fromisoformat(paid["paid_at"]) - datetime.fromisoformat(paid["placed_at"])).total_seconds()


def run(layout: Layout, rate: float, count: int) -> dict:
    """`count` orders, one each 1/rate seconds: milliseconds from placed to paid, and orders a second."""
    buyers = prepared(layout, count)
    orders: list[tuple[Shopper, dict]] = []
    lock = threading.Lock()

    def one(shopper: Shopper, quote: dict) -> None:
        try:
            order = buy(shopper, quote)
        except (Unexpected, httpx.HTTPError) as problem:
            print(f"failed: {str(problem)[:200] or problem!r}", file=sys.stderr)
            return
        with lock:
            orders.append((shopper, order))

    before, started = processor_seconds(layout), time.monotonic()
    with ThreadPoolExecutor(64) as pool:
        for number, (shopper, quote) in enumerate(buyers):
            wait_for(lambda n=number: time.monotonic() >= started + n / rate, 60, "the next order's turn")
            pool.submit(one, shopper, quote)
    took = time.monotonic() - started
    times = sorted(seconds_to_paid(shopper, order) for shopper, order in orders)
    after = processor_seconds(layout)
    return {
        "asked_per_second": rate,
        "orders": len(times),
        "failed": count - len(times),
        "per_second": round(len(times) / took, 1),
        "p50_ms": round(1000 * times[len(times) // 2]),
        "p95_ms": round(1000 * times[int(len(times) * 0.95)]),
        "max_ms": round(1000 * times[-1]),
        "cpu_ms_per_order": {
            name: round(1000 * (seconds - before.get(name, 0)) / count, 1) for name, seconds in after.items()
        },
    }


def processor_seconds(layout: Layout) -> dict[str, float]:
    """What each process of the stack has used so far, and this program."""
    states = supervisor.states(layout)
    roots = {f"{group}:{name}": info["pid"] for (group, name), info in states.items() if info["pid"]}
    return {**seconds_by_tree(roots), "this program": time.process_time()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench b=purchase")
    parser.add_argument("--rates", default="5,20", help="orders a second, separated by commas")
    parser.add_argument("--seconds", type=float, default=10, help="how long at each rate")
    options = parser.parse_args()
    layout = choose_layout(test=False)
    rates = [float(rate) for rate in options.rates.split(",")]
    stock_up(layout, int(sum(rates) * options.seconds))
    rows = [run(layout, rate, int(rate * options.seconds)) for rate in rates]
    print(f"{'asked/s':>8}{'orders':>8}{'failed':>8}{'paid/s':>8}{'p50 ms':>8}{'p95 ms':>8}{'max ms':>8}")
    for row in rows:
        print("".join(f"{value:>8}" for value in row.values() if not isinstance(value, dict)))
    spent = rows[-1]["cpu_ms_per_order"]
    print("\n  processor time of one order, at the last rate")
    for name, used in sorted(spent.items(), key=lambda item: -item[1])[:SHOWN]:
        print(f"  {name:26}{used:8.1f} ms")
    print(f"  {'all':26}{sum(spent.values()):8.1f} ms")
    print(json.dumps({"bench": "purchase", "runs": rows}))
    return int(any(row["failed"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
