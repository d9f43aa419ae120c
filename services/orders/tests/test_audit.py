"""The audit finds what somebody has changed by hand; each question has a row that breaks it."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from orders.models import Coupon, CouponUse, Order, OrderLine, Refund, TimelineEntry, Violation
from orders.tasks import audit_invariants
from orders.use_cases.audit import QUESTIONS

BREAKS = {
    "an answer never came": lambda: Order.objects.filter(state="pending_stock").update(asked_again=4),
    "coupon uses are counted": lambda: Coupon.objects.update(uses=7),
    "a coupon is given back when its order closes": lambda: CouponUse.objects.update(
        given_back_at="2026-01-01T00:00:00Z"
    ),
    "refunds stay within what was charged": lambda: Refund.objects.update(amount_minor=10**7),
    "units shipped, cancelled, returned and refunded fit": lambda: Order.objects.filter(
        state="partially_shipped"
    ).update(state="paid"),
    "shipments add up to what shipped": lambda: OrderLine.objects.filter(shipped=1).update(shipped=2),
    "an order's total is what its charges add up to": lambda: Order.objects.update(total_minor=1),
    "a timeline has each change of state": lambda: TimelineEntry.objects.filter(state="partially_shipped").delete(),
    "a timeline follows the table": lambda: TimelineEntry.objects.filter(state="awaiting_payment").delete(),
}


@pytest.fixture
def orders(shopper, pay, staff) -> None:
    """One that waits for stock, with a coupon; one that is partly shipped, with a refund."""
    Coupon.objects.create(code="TENTH", percent=10)
    shopper.buy("TEE-M", 1, coupon="TENTH")
    order = pay(shopper.buy("COFFEE-1KG", 3))
    staff.ship(order, {1: 1})
    staff.refund(order, amount={"amount_minor": 100, "currency": "EUR"})


def test_every_question_has_a_row_that_breaks_it():
    assert set(QUESTIONS) <= set(BREAKS)


@pytest.mark.parametrize("invariant", list(BREAKS))
def test_what_is_wrong_is_found_written_down_once_and_counted(orders, client, invariant, capsys):
    assert audit_invariants() == 0, list(Violation.objects.values())
    call_command("audit_invariants")
    assert "every invariant holds" in capsys.readouterr().out
    BREAKS[invariant]()
    assert audit_invariants() >= 1
    assert invariant in Violation.objects.values_list("invariant", flat=True)
    found = Violation.objects.count()
    with pytest.raises(CommandError, match="violations"):
        call_command("audit_invariants")
    assert f"not so: {invariant}" in capsys.readouterr().out
    assert Violation.objects.count() == found
    assert f'invariant_violations_total{{invariant="{invariant}"}}' in client.get("/metrics").content.decode()
