"""`make demo`: shops as people would, through the gateway, and says what each step did and how long it took.

Exits with 1 at the first step that is not as promised.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from .console import Failure
from .layout import ROOT, VENV, choose_layout
from .shopper import Shopper, Unexpected, wait_for

TEE, COFFEE, MUG, POSTER = "TEE-ORGANIC-BLACK-M", "COFFEE-SIDAMO-1KG", "MUG-DELFT-300ML", "POSTER-LAST-ONE"


@contextmanager
def step(title: str) -> Iterator[list[str]]:
    """Announce a step; what is appended to the list is shown under it."""
    said: list[str] = []
    started = time.perf_counter()
    try:
        yield said
    except BaseException:
        print(f"  !!  {title}", flush=True)
        raise
    print(f"  ok  {title:72} {1000 * (time.perf_counter() - started):7.0f} ms", flush=True)
    for line in said:
        print(f"        {line}", flush=True)


def show_quote(quote: dict[str, Any]) -> Iterator[str]:
    """Every amount with the rule behind it."""
    for line in quote["lines"]:
        yield f"{line['quantity']} × {line['title']} from {line['warehouse']}"
        for each in line["explained"]:
            base = f" of {each['base']['display']}" if each["base"] else ""
            source = f"  [{each['source']}, {each['source_date']}]" if each["source"] else ""
            amount, why = each["amount"]["display"], f"{each['label']} {each['expression']}{base}{source}"
            yield f"   {each['kind']:9} {amount:>12}  {why}"
    for charge in quote["charges"]:
        yield f"{charge['kind']:9} {charge['amount']['display']:>15}  collected at {charge['collect']}"
    days = " to ".join(map(str, quote["delivery_days"]))
    yield f"total     {quote['total']['display']:>15}  {quote['incoterm']}, {days} days"


def registered_buyer() -> None:
    """Mira shops in dollars and has it sent to New York, duties paid."""
    mira = Shopper(choose_layout(test=False))
    with step(f"register {mira.email}"):
        mira.register()
    with step("verify the address with the code from the mail that arrived") as said:
        said.append(f"code {mira.verify()}")
    with step("log in"):
        mira.log_in()
    with step("browse T-shirts, priced in USD, for the United States") as said:
        found = mira.ask(
            "GET", "products", params={"q": "shirt", "currency": "USD", "ship_to": "US", "limit": 3}
        ).json()
        said += [f"{product['title']}: {product['price_from']['display']}" for product in found["data"]]
        if not found["data"]:
            raise Unexpected("there are no T-shirts")
    with step("fill a cart"):
        cart = mira.put(mira.put(mira.open_cart(currency="USD"), TEE, 2), COFFEE, 1)
    with step("get a landed-cost quote to New York (DDP)") as said:
        quote = mira.quote(cart, "US", "USD", incoterm="DDP")
        said += show_quote(quote)
    with step("check out") as said:
        order = mira.check_out(quote)
        said.append(f"{order['number']}, {order['state']}, {order['total']['display']}")
    with step("stock is reserved and payment is asked for"):
        mira.wait_until(order, "awaiting_payment")
    with step("confirm the payment at the sandbox provider"):
        mira.pay(order)
    with step("the order becomes paid"):
        mira.wait_until(order, "paid")
    with step("read the confirmation mail") as said:
        said.append(mira.mail(f"{order['number']} is confirmed")["subject"])
    with step("read the order's timeline") as said:
        said.append(" → ".join(mira.timeline(order)))


def guest() -> None:
    """Somebody without an account pays with a card that asks for their bank's approval."""
    someone = Shopper(choose_layout(test=False), language="de")
    with step("as a guest: cart, quote to Berlin and checkout, in euros and in German") as said:
        order = someone.order_one(MUG, "DE", "EUR")
        said.append(f"{order['number']}: {order['lines'][0]['title']}, {order['total']['display']}")
    with step("pay with a card that redirects to the bank, and approve there") as said:
        someone.pay(order, "tok_action")
        said.append(f"sent back to {someone.approve_redirect(order)}")
    with step("the order becomes paid, seen with the Order-Token"):
        someone.wait_until(order, "paid")
    with step("without the token there is nothing to see"):
        answer = httpx.get(f"{someone.layout.url('gateway')}/api/v1/orders/{order['id']}", timeout=10)
        if answer.status_code != 404:
            raise Unexpected(f"a stranger was answered {answer.status_code}")
    with step("read the confirmation mail") as said:
        said.append(someone.mail(f"{order['number']} ist bestätigt")["subject"])


def unpaid() -> None:
    """Somebody orders the last poster and never pays; it comes back for the next one."""
    idle = Shopper(choose_layout(test=False))
    with step("order the last one there is, and do not pay") as said:
        if not in_stock(idle, POSTER):
            raise Unexpected(f"{POSTER} is not in stock: an earlier demo's order may hold it until it expires")
        order = idle.order_one(POSTER)
        idle.wait_until(order, "awaiting_payment")
        said.append(f"{order['number']}: {order['lines'][0]['title']}")
    with step("it is held: the shop shows it as sold out"):
        wait_for(lambda: not in_stock(idle, POSTER), 20, "the shop to show it as sold out")
    with step(f"its time is over: manage.py expire_orders --order {order['number']} --now") as said:
        command = [VENV / "bin" / "python", "manage.py", "expire_orders", "--order", order["number"], "--now"]
        done = subprocess.run(command, cwd=ROOT / "services" / "orders", capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unexpected(done.stderr or done.stdout)
        said.append(f"{done.stdout.strip()}; by itself this happens 30 minutes after checkout, by the same statement")
    with step("the order is expired and the poster is for sale again"):
        idle.wait_until(order, "expired")
        wait_for(lambda: in_stock(idle, POSTER), 20, "the stock to be back")


def in_stock(shopper: Shopper, sku: str) -> bool:
    """Whether the shop shows this SKU as available."""
    found = shopper.ask("GET", "products", params={"q": sku}).json()["data"]
    product = shopper.ask("GET", f"products/{found[0]['slug']}").json()
    return next(variant["in_stock"] for variant in product["variants"] if variant["sku"] == sku)


def main() -> int:
    started = time.perf_counter()
    for title, story in (("A registered buyer", registered_buyer), ("A guest", guest), ("Nobody pays", unpaid)):
        print(f"\n{title}: {story.__doc__}")
        try:
            story()
        except (Unexpected, httpx.HTTPError) as problem:
            print(f"\nNot as promised: {problem}")
            if isinstance(problem, httpx.ConnectError):
                print("Is the stack running? Start it with: make run")
            return 1
        except Failure as failure:
            print(f"\n  !!! {failure}", file=sys.stderr)
            return 1
    print(f"\nEverything was as promised ({time.perf_counter() - started:.1f} s).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
