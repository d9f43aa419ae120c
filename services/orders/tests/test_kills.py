"""Each step of the saga, killed at each of its statements: nothing is half done, and done again it is done once."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from chassis.testing import killed_at_each_statement
from django.utils import timezone
from orders.models import Cart, Coupon, Order, Refund, Return, TimelineEntry, Violation
from orders.tasks import audit_invariants
from orders.use_cases import asking
from orders.use_cases.orders import expire_order
from outbox.models import InboxEntry, OutboxEvent

from tests.conftest import Shopper, Staff, state_of
from tests.test_returns import ask, return_id


def books() -> tuple:
    """What there is of everything that a step may change."""
    return (
        *(
            Order.objects.count(),
            OutboxEvent.objects.count(),
            InboxEntry.objects.count(),
            TimelineEntry.objects.count(),
        ),
        list(Order.objects.order_by("pk").values_list("state", "version", "refunded_minor", "hold_reasons")),
        list(Refund.objects.order_by("pk").values_list("state", "amount_minor", "asked_again")),
        list(Return.objects.order_by("pk").values_list("state")),
        list(Coupon.objects.values_list("uses")),
        list(Cart.objects.order_by("pk").values_list("open_owner", "version")),
    )


def survives(action, *, says: int = 1, least: int = 3) -> None:
    """Until its commit, whatever statement the process dies at, nothing of its step is there; then all of it is.

    A request that dies after its commit has done its work and lost its answer: that is where this ends.
    """
    before, told, deaths = books(), OutboxEvent.objects.count(), 0
    for _ in killed_at_each_statement(action):
        deaths += 1
        if books() != before:
            break
    assert deaths >= least
    assert books() != before
    assert OutboxEvent.objects.count() == told + says
    assert audit_invariants() == 0, list(Violation.objects.values())


@pytest.fixture
def half_off(db) -> Coupon:
    return Coupon.objects.create(code="HALF", percent=50, limit_total=3, limit_per_customer=2)


def test_case_1_checkout_with_a_coupon(shopper: Shopper, half_off):
    cart = shopper.open_cart()
    shopper.put(cart, "TEE-M", 1)
    shopper.put_coupon(cart, "HALF")
    quote = shopper.quote(cart).json()["data"][0]
    survives(partial(shopper.check_out, quote, key="one"), least=12)
    assert (Order.objects.count(), Coupon.objects.get().uses) == (1, 1)
    assert shopper.check_out(quote, key="one")["Idempotent-Replayed"] == "true"


def test_case_3_rejection_gives_the_cart_and_the_coupon_back(shopper, say, half_off):
    order = shopper.buy("TEE-M", 1, coupon="HALF")
    short = [{"sku": "TEE-M", "requested": 1, "available": 0}]
    survives(partial(say, order, "stock.rejected", lines=short, event_id=str(uuid4())))
    assert (state_of(order), Coupon.objects.get().uses) == ("rejected", 0)
    assert Cart.objects.get(pk=order.cart_id).is_open


@pytest.mark.parametrize(
    ("reached", "event", "says"),
    [
        ((), "stock.reserved", 1),
        (("stock.reserved",), "payment.authorized", 1),
        (("stock.reserved", "payment.authorized"), "stock.committed", 0),
        (("stock.reserved", "payment.authorized", "stock.committed"), "payment.captured", 1),
        (("stock.reserved", "payment.authorized"), "payment.capture_failed", 1),
        (("stock.reserved", "payment.authorized"), "stock.commit_failed", 1),
    ],
    ids=["case_2", "case_4_authorized", "case_4_committed", "case_4_captured", "case_14", "case_12"],
)
def test_cases_2_4_12_14_an_event_is_handled_once_though_its_consumer_dies(shopper, say, reached, event, says):
    order = shopper.buy()
    for name in reached:
        say(order, name)
    event_id = str(uuid4())
    survives(partial(say, order, event, event_id=event_id), says=says)
    assert say(order, event, event_id=event_id) is False


def test_case_6_expiry(shopper, say):
    order = shopper.buy()
    survives(partial(expire_order, order_id=order.id, now=timezone.now(), at_once=True))
    assert state_of(order) == "expired"


def test_cases_7_and_8_a_cancel_by_the_buyer(shopper, pay):
    order = pay(shopper.buy())
    survives(partial(shopper.call, "post", f"orders/{order.id}/cancel", {"reason": "no"}))
    assert state_of(order) == "cancelled"


def test_case_16_a_shipment(paid, staff: Staff):
    survives(partial(staff.ship, paid, {1: 1}))
    assert state_of(paid) == "partially_shipped"


def test_cases_13_and_17_the_rest_is_cancelled(paid, staff, say):
    staff.ship(paid, {1: 1})
    survives(partial(say, paid, "stock.commit_failed", reason="written_off", event_id=str(uuid4())), says=2)
    assert (state_of(paid), Refund.objects.count()) == ("shipped", 1)


def test_case_18_a_return_is_received_and_refunded(paid, staff, shopper, say):
    staff.ship(paid, {1: 2})
    back = return_id(ask(shopper, paid, {1: 2}))
    survives(partial(staff.decide, back, "approve"))
    survives(partial(staff.receive, back, {1: (2, 2)}), says=2)
    refund = Refund.objects.get()
    amount = {"amount_minor": refund.amount_minor, "currency": "EUR"}
    answer = {"refund_id": str(refund.refund_id), "amount": amount, "event_id": str(uuid4())}
    survives(partial(say, paid, "payment.refunded", **answer), says=0)
    assert Return.objects.get().state == "refunded"


def test_case_20_a_dispute(paid, say):
    amount = {"amount_minor": paid.total_minor, "currency": "EUR"}
    told = {"amount": amount, "reason": "fraudulent", "due_by": None, "outcome": None, "event_id": str(uuid4())}
    survives(partial(say, paid, "payment.disputed", **told), says=0)
    assert Order.objects.get().hold_reasons == ["dispute"]


def test_case_22_asking_again(shopper):
    order = shopper.buy()
    later = timezone.now() + timedelta(minutes=6)
    survives(partial(asking.ask_for_order, order_id=order.id, now=later))
    assert Order.objects.get().asked_again == 1
