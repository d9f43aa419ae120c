"""The whole stack of `.run/test`, seen from outside: people who shop, an operator who breaks things, an auditor."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from deploy.audit.__main__ import violations
from deploy.local import supervisor
from deploy.local.layout import Layout, choose_layout, read_variables
from deploy.local.shopkeeper import Shopkeeper, manage
from deploy.local.shopper import Shopper, wait_for

TEE, COFFEE, MUG, POSTER = "TEE-ORGANIC-BLACK-M", "COFFEE-SIDAMO-1KG", "MUG-DELFT-300ML", "POSTER-LAST-ONE"


class Stack:
    """The running processes, for tests that stop and kill them."""

    def __init__(self, layout: Layout):
        self.layout = layout
        self.variables = read_variables(layout.env_file)

    def kill(self, group: str, role: str) -> None:
        """SIGKILL to the process itself, as the kernel would; supervisord starts it again."""
        before = self.process(group, role)["pid"]
        os.kill(before, signal.SIGKILL)

        def back() -> bool:
            now = self.process(group, role)
            return now["statename"] in ("RUNNING", "STARTING") and now["pid"] not in (0, before)

        wait_for(back, 30, f"{group}:{role} to be started again")

    def process(self, group: str, role: str) -> dict:
        known = supervisor.states(self.layout)
        return next(info for (g, name), info in known.items() if g == group and name.endswith(role))

    @contextlib.contextmanager
    def without(self, group: str) -> Iterator[None]:
        """The group is stopped inside the block and runs again after it."""
        supervisor.stop_groups(self.layout, [group])
        try:
            yield
        finally:
            supervisor.start_groups(self.layout, [group])

    def manage(self, service: str, *arguments: str) -> str:
        """Run a manage.py command of a service against this stack; returns what it prints."""
        return manage(self.layout, service, *arguments)

    def expire(self, order: dict) -> None:
        self.manage("orders", "expire_orders", "--order", order["number"], "--now")

    def assert_sound(self) -> None:
        """Every invariant over all schemas holds, once what is under way has come to rest."""
        wait_for(
            lambda: not violations(self.variables, settled=5),
            60,
            "all invariants to hold",
            lambda: violations(self.variables, settled=5),
        )


@pytest.fixture(scope="session")
def stack() -> Stack:
    layout = choose_layout(test=True)
    assert supervisor.is_running(layout), "the test stack is not running: make test-e2e starts it"
    found = violations(read_variables(layout.env_file), settled=5)
    assert not found, f"the books were wrong before the tests began (make test-stop, remove .run/test): {found}"
    return Stack(layout)


@pytest.fixture
def sound(stack) -> Iterator[None]:
    """Whatever the test did, the books are right afterwards."""
    yield
    stack.assert_sound()


@pytest.fixture
def new_shopper(stack):
    """`new_shopper()` is a guest, `new_shopper(registered=True)` somebody with an account who is logged in."""

    def make(*, registered: bool = False, **options) -> Shopper:
        shopper = Shopper(stack.layout, **options)
        if registered:
            shopper.register()
            shopper.verify()
            shopper.log_in()
        return shopper

    return make


@pytest.fixture(scope="session")
def keeper(stack) -> Shopkeeper:
    """Somebody of the shop who may do everything."""
    return Shopkeeper(stack.layout, "admin")


def in_stock(shopper: Shopper, sku: str) -> bool:
    """Whether the shop shows this SKU as available."""
    found = shopper.ask("GET", "products", params={"q": sku}).json()["data"]
    product = shopper.ask("GET", f"products/{found[0]['slug']}").json()
    return next(variant["in_stock"] for variant in product["variants"] if variant["sku"] == sku)
