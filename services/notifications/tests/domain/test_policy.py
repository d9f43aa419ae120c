"""The rules, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from notifications.domain.policy import KINDS, Addressee, language, reason_to_suppress, wait_after

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
BUYER = Addressee(progress="placed", expires_at=NOW + timedelta(minutes=20), erased=False, wants_updates=True)


@pytest.mark.parametrize("template", KINDS)
def test_everything_is_told_to_a_buyer_who_waits(template):
    assert reason_to_suppress(template, BUYER, "email", now=NOW) == ""


@pytest.mark.parametrize("template", KINDS)
def test_nothing_is_told_to_nobody(template):
    assert reason_to_suppress(template, None, "email", now=NOW) == "order_unknown"
    assert reason_to_suppress(template, replace(BUYER, erased=True), "in_app", now=NOW) == "erased"


@pytest.mark.parametrize("template", ["payment_failed", "payment_refused"])
@pytest.mark.parametrize("change", [{"progress": "paid"}, {"progress": "closed"}, {"expires_at": NOW}])
def test_nobody_is_asked_to_pay_what_is_settled(template, change):
    assert reason_to_suppress(template, replace(BUYER, **change), "email", now=NOW) == "overtaken"


@pytest.mark.parametrize("template", KINDS)
def test_only_mails_about_shipments_can_be_switched_off_and_the_inbox_keeps_them(template):
    silent = replace(BUYER, wants_updates=False)
    expected = "unsubscribed" if template in {"order_shipped", "order_delivered"} else ""
    assert reason_to_suppress(template, silent, "email", now=NOW) == expected
    assert reason_to_suppress(template, silent, "in_app", now=NOW) == ""


def test_waits_double_to_an_hour_and_end_after_ten_attempts():
    waits = [wait_after(attempts, jitter=0).total_seconds() for attempts in range(1, 10)]
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert wait_after(10, jitter=0) is None
    assert wait_after(1, jitter=1) == timedelta(seconds=36)


@pytest.mark.parametrize(
    ("locales", "expected"),
    [(("ja",), "ja"), (("de-AT",), "de"), (("nl-NL", "ja"), "ja"), (("", "DE"), "de"), (("nl",), "en"), ((), "en")],
)
def test_the_first_language_that_we_write_is_taken(locales, expected):
    assert language(*locales) == expected
