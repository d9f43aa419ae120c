"""Two of whom one may win, a hundred times each, with real threads against the real database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone
from orders.models import Order, OrderLine, Refund, Return, TimelineEntry, Violation
from orders.tasks import audit_invariants
from orders.use_cases.orders import expire_order
from outbox.models import OutboxEvent
from outbox.transactions import retry_conflicts

from tests.conftest import state_of
from tests.test_returns import ask

TIMES = 100


@pytest.fixture(autouse=True)
def books(db):
    yield
    assert audit_invariants() == 0, list(Violation.objects.values())


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(2) as threads:
        yield threads
        list(threads.map(lambda _: connections.close_all(), range(2)))


@pytest.fixture
def together(pool):
    """Both actions at once, each in a thread with a connection of its own; their answers, in order.

    The first waits for `late` round trips to the database before it begins, so that neither always wins.
    """
    line = Barrier(2)

    def run(action: Callable[[], object], late: int) -> object:
        line.wait(10)
        for _ in range(late):
            with connections["default"].cursor() as cursor:
                cursor.execute("SELECT 1")
        return action()

    yield lambda *actions, late=0: list(pool.map(run, actions, (late, 0)))
    closing = [pool.submit(lambda: (line.wait(10), connections.close_all())) for _ in range(2)]
    [each.result() for each in closing]


def again(order: Order, state: str, **fields) -> None:
    """Set the order back to where the race begins; what it said and did before is forgotten."""
    OutboxEvent.objects.filter(key=str(order.pk)).delete()
    for model in (Return, Refund, TimelineEntry):
        model.objects.filter(order=order).delete()
    order.shipments.all().delete()
    counts = {"shipped": 0, "cancelled": 0, "returning": 0, "refunded": 0, **fields}
    OrderLine.objects.filter(order=order).update(**counts)
    Order.objects.filter(pk=order.pk).update(
        state=state, closed_at=None, refunded_minor=0, refund_carried_minor=0, hold_reasons=[]
    )
    TimelineEntry.objects.create(order=order, at=timezone.now(), kind="placed", state=state)


def told(order: Order) -> list[str]:
    types = OutboxEvent.objects.filter(key=str(order.pk)).order_by("id").values_list("type", flat=True)
    return [name.split(".")[2] for name in types]


def test_shipping_against_cancelling_one_wins_and_the_other_is_told(paid, staff, shopper, together):
    won = {"shipped": 0, "cancelled": 0}
    cancel = partial(shopper.call, "post", f"orders/{paid.id}/cancel", {})
    for late in range(TIMES):
        again(paid, "paid")
        shipped, cancelled = together(partial(staff.ship, paid, {1: 2}), cancel, late=late % 20)
        assert sorted([shipped.status_code, cancelled.status_code]) in ([200, 409], [201, 409])
        state = state_of(paid)
        assert (state == "shipped") == (shipped.status_code == 201)
        assert told(paid) == [state]
        won[state] += 1
    assert min(won.values()) > 0, won


def test_expiry_against_payment_one_wins(shopper, say, together):
    order = shopper.buy()
    say(order, "stock.reserved")
    won = {"expired": 0, "confirmed": 0}
    for late in range(TIMES):
        again(order, "awaiting_payment")
        expire = lambda: retry_conflicts(  # noqa: E731
            lambda: expire_order(order_id=order.id, now=timezone.now(), at_once=True)
        )
        expired, _ = together(expire, partial(say, order, "payment.authorized"), late=late % 10)
        state = state_of(order)
        assert (state == "expired") == expired
        assert told(order) == [state]
        won[state] += 1
    assert min(won.values()) > 0, won


def test_two_refunds_that_together_exceed_what_was_charged_are_never_both_given(paid, staff, together):
    most = paid.total_minor * 2 // 3
    body = {"amount": {"amount_minor": most, "currency": "EUR"}}
    for _ in range(TIMES):
        again(paid, "paid")
        answers = together(lambda: staff.refund(paid, **body), lambda: staff.refund(paid, **body))
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert list(Refund.objects.values_list("amount_minor", flat=True)) == [most]
        assert told(paid) == ["refund_requested"]


def test_cancelling_the_rest_against_shipping_it_one_wins(shopper, pay, staff, together):
    order = pay(shopper.buy("COFFEE-1KG", 3))
    won = {"lines_cancelled": 0, "shipped": 0}
    for late in range(TIMES):
        again(order, "paid")
        staff.ship(order, {1: 1})
        OutboxEvent.objects.filter(key=str(order.pk)).delete()
        shipped, cancelled = together(
            partial(staff.ship, order, {1: 2}), partial(staff.cancel_rest, order), late=late % 10
        )
        line = OrderLine.objects.get(order=order)
        assert (line.shipped, line.cancelled) in ((1, 2), (3, 0))
        assert (cancelled.status_code == 200) == (line.cancelled == 2)
        assert (shipped.status_code == 201) == (line.shipped == 3)
        assert state_of(order) == "shipped"
        assert told(order) == (["lines_cancelled", "refund_requested"] if line.cancelled else ["shipped"])
        won[told(order)[0]] += 1
    assert min(won.values()) > 0, won


def test_one_unit_is_not_returned_twice(paid, shopper, staff, together):
    for _ in range(TIMES):
        again(paid, "shipped", shipped=2)
        paid.shipments.create(carrier="x", tracking_number="1", lines=[{"quantity": 2}], shipped_at=timezone.now())
        answers = together(*[lambda: ask(shopper, paid, {1: 2}, key=uuid4().hex)] * 2)
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert Return.objects.count() == 1
        assert told(paid) == ["return_requested"]


def test_one_parcel_is_not_received_twice(paid, shopper, staff, together):
    for _ in range(TIMES // 2):
        again(paid, "shipped", shipped=2)
        paid.shipments.create(carrier="x", tracking_number="1", lines=[{"quantity": 2}], shipped_at=timezone.now())
        back = ask(shopper, paid, {1: 2}).json()["returns"][0]["id"]
        staff.decide(back, "approve")
        OutboxEvent.objects.filter(key=str(paid.pk)).delete()
        answers = together(*[partial(staff.receive, back, {1: (2, 2)})] * 2)
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert Refund.objects.count() == 1
        assert told(paid) == ["return_received", "refund_requested"]


def test_an_answer_that_comes_twice_at_once_is_one_answer(paid, staff, say, together):
    for _ in range(TIMES // 2):
        again(paid, "paid")
        staff.refund(paid, amount={"amount_minor": 100, "currency": "EUR"})
        refund = Refund.objects.get()
        data = {"refund_id": str(refund.refund_id), "amount": {"amount_minor": 100, "currency": "EUR"}}
        names = ("payment.refunded", "payment.refund_failed")
        together(*[partial(say, paid, name, **data) for name in names])
        assert Refund.objects.get().state == "succeeded"
