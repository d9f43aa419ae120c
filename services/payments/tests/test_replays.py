"""Each case of the saga with every message once, twice, twice under another id, and all of them again at the end."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from payments.models import Refund
from payments.use_cases.audit import check_invariants

TOTAL = 12999
Step = tuple[str, Any]
PAID: list[Step] = [("pay", "tok_success"), ("confirmed", {"repeat": 0})]
CANCELLED: Step = ("cancelled", {"reason": "buyer"})


def back(amount: int, currency: str = "EUR") -> Step:
    money = {"amount_minor": amount, "currency": currency}
    return "refund_requested", {"amount": money, "reason": "return", "lines": [], "repeat": 0}


CASES: dict[str, tuple[list[Step], list[str], int]] = {
    "case 4, paid": (PAID, ["authorized", "captured"], TOTAL),
    "case 4, confirmed before it was authorised": ([PAID[1], PAID[0]], ["authorized", "captured"], TOTAL),
    "case 5, declined": ([("pay", "tok_decline")], ["failed"], 0),
    "case 7, cancelled before anything": ([CANCELLED], [], 0),
    "case 7, cancelled at the redirect": ([("pay", "tok_action"), CANCELLED], ["failed"], 0),
    "case 7, cancelled when authorised": ([PAID[0], CANCELLED], ["authorized", "voided"], 0),
    "case 7, rejected": ([("rejected", {"lines": []})], [], 0),
    "case 8, cancelled when paid": ([*PAID, CANCELLED], ["authorized", "captured", "refunded"], 0),
    "case 8, partly paid back before": (
        [*PAID, back(999), CANCELLED],
        ["authorized", "captured", "refunded", "refunded"],
        0,
    ),
    "case 8, asked for after it": (
        [*PAID, CANCELLED, back(999)],
        ["authorized", "captured", "refunded", "refund_failed"],
        0,
    ),
    "case 9, confirmed after it had expired": (
        [PAID[0], ("expired", {"reason": "expired"}), PAID[1]],
        ["authorized", "voided"],
        0,
    ),
    "case 11, a wrong amount": ([("pay", "tok_wrong_amount")], ["failed"], 0),
    "case 14, capture refused": (
        [("pay", "tok_capture_refused"), PAID[1], ("cancelled", {"reason": "capture_failed"})],
        ["authorized", "capture_failed"],
        0,
    ),
    "case 18, two parts": ([*PAID, back(999), back(2000)], ["authorized", "captured", *["refunded"] * 2], TOTAL - 2999),
    "case 18, more than is left": (
        [*PAID, back(12000), back(1000)],
        ["authorized", "captured", "refunded", "refund_failed"],
        999,
    ),
    "case 18, another currency": ([*PAID, back(5, "USD")], ["authorized", "captured", "refund_failed"], TOTAL),
    "case 19, the provider refuses": (
        [("pay", "tok_refund_fails"), PAID[1], back(999)],
        ["authorized", "captured", "refund_failed"],
        TOTAL,
    ),
}


@pytest.mark.parametrize("again", ["once", "twice", "twice under another id", "all again at the end"])
@pytest.mark.parametrize("case", CASES)
def test_whatever_comes_again_changes_nothing(purchase, case, again):
    steps, said, kept = CASES[case]
    delivered = []
    for name, data in steps:
        if name == "pay":
            purchase.pay(data)
            continue
        event = (name, {"refund_id": uuid4(), **data} if name == "refund_requested" else data)
        delivered.append(event)
        event_id = uuid4()
        purchase.say(name, event_id, **event[1])
        if again == "twice":
            assert purchase.say(name, event_id, **event[1]) is False
        if again == "twice under another id":
            purchase.say(name, **event[1])
    if again == "all again at the end":
        purchase.request()
        for name, data in delivered:
            purchase.say(name, **data)

    assert (purchase.said(), purchase.kept()) == (said, kept)
    asked = sum(name == "refund_requested" for name, _ in delivered)
    assert Refund.objects.filter(asked_by_order=True).count() == asked
    assert check_invariants(now=timezone.now()) == []
