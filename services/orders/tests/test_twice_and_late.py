"""Whole lives of orders: each message twice at once, each again and again later, and each in few statements."""

from __future__ import annotations

from uuid import uuid4

import pytest
from orders.models import Coupon, Order, Refund, Violation
from orders.tasks import audit_invariants
from outbox.testing import capture_events

from tests.conftest import said, state_of
from tests.test_returns import ask, return_id

MOST_STATEMENTS = 8


@pytest.fixture
def tell(say, statements):
    """`tell(order, name)`: the message twice, then every earlier one once more under another id; none does a thing.

    Not so `again=False`: goods that are lost under another id are other goods.
    """
    earlier: list[tuple[str, dict]] = []

    def message(order: Order, name: str, *, again: bool = True, **data) -> list[str]:
        if name.startswith("stock.") and "lines" not in data:
            data["lines"] = [line.units(line.quantity) for line in order.lines.all()]
        event_id = str(uuid4())
        with capture_events() as events:
            with statements() as run:
                assert say(order, name, event_id=event_id, **data) is True
            version = Order.objects.get(pk=order.pk).version
            assert say(order, name, event_id=event_id, **data) is False
            told = [(name, data)] if again else []
            for late, its in [*earlier, *told]:
                say(order, late, **its)
            assert Order.objects.get(pk=order.pk).version == version
        assert len(run) <= MOST_STATEMENTS, run
        earlier.extend(told)
        return said(events)

    yield message
    assert audit_invariants() == 0, list(Violation.objects.values())


def test_a_life_with_everything_in_it(shopper, staff, tell):
    Coupon.objects.create(code="TENTH", percent=10, limit_per_customer=1)
    order = shopper.buy("COFFEE-1KG", 3, coupon="TENTH", tees=2)
    assert tell(order, "stock.reserved") == ["payment_requested"]
    assert tell(order, "payment.failed", code="card_declined", retryable=True) == []
    assert tell(order, "payment.authorized") == ["confirmed"]
    assert tell(order, "payment.captured") == []
    assert tell(order, "stock.committed") == ["paid"]
    staff.ship(order, {1: 2})
    lost = [{"line_id": 2, "sku": "TEE-M", "quantity": 1, "warehouse": "NL-AMS"}]
    assert state_of(order) == "partially_shipped"
    lost_goods = tell(order, "stock.commit_failed", again=False, reason="written_off", lines=lost)
    assert lost_goods == ["lines_cancelled", "refund_requested"]
    staff.cancel_rest(order)
    for refund in Refund.objects.order_by("pk"):
        answer = {
            "refund_id": str(refund.refund_id),
            "amount": {"amount_minor": refund.amount_minor, "currency": "EUR"},
        }
        assert tell(order, "payment.refund_failed", **answer) == []
        assert tell(order, "payment.refunded", **answer) == []
    amount = {"amount_minor": 100, "currency": "EUR"}
    dispute = {"amount": amount, "reason": "fraudulent", "due_by": None}
    assert tell(order, "payment.disputed", **dispute, outcome=None) == []
    assert tell(order, "payment.dispute_closed", **dispute, outcome="won") == []
    staff.deliver(order)
    back = return_id(ask(shopper, order, {1: 2}))
    staff.decide(back, "approve")
    staff.receive(back, {1: (2, 2)})
    refund = Refund.objects.get(reason="return")
    answer = {"refund_id": str(refund.refund_id), "amount": {"amount_minor": refund.amount_minor, "currency": "EUR"}}
    assert tell(order, "payment.refunded", **answer) == []
    shown = shopper.call("get", f"orders/{order.id}").json()
    assert (shown["state"], shown["hold_reasons"], shown["returns"][0]["state"]) == ("delivered", [], "refunded")
    assert {each["state"] for each in shown["refunds"]} == {"succeeded"}
    assert Coupon.objects.get().uses == 1


@pytest.mark.parametrize(
    ("until", "end", "data"),
    [
        (0, "stock.rejected", {"lines": [{"sku": "TEE-M", "requested": 1, "available": 0}]}),
        (2, "stock.commit_failed", {"reason": "gone"}),
        (2, "payment.capture_failed", {"code": "refused", "retryable": False}),
        (4, "stock.commit_failed", {"reason": "written_off"}),
    ],
    ids=["case_3", "case_12", "case_14", "case_13"],
)
def test_lives_that_end_early_give_the_coupon_back_and_stay_closed(shopper, tell, until, end, data):
    Coupon.objects.create(code="TENTH", percent=10)
    order = shopper.buy("TEE-M", 1, coupon="TENTH")
    for name in ("stock.reserved", "payment.authorized", "stock.committed", "payment.captured")[:until]:
        tell(order, name)
    closed = "rejected" if end == "stock.rejected" else "cancelled"
    assert tell(order, end, **data) == [closed]
    assert tell(order, "payment.voided", amount={"amount_minor": order.total_minor, "currency": "EUR"}) == []
    assert (state_of(order), Coupon.objects.get().uses) == (closed, 0)
