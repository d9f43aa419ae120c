"""The day's settlement report: every movement once with its fee, and wrong where a method wants it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from .conftest import wait_until


def report(sandbox) -> list[dict]:
    return sandbox.ask("GET", f"/v1/settlements/{datetime.now(UTC).date()}")[1]["data"]


def test_every_movement_is_reported_once(sandbox):
    intent = sandbox.captured()
    sandbox.do(intent, "capture")
    sandbox.do(intent, "refunds", reference="r:1", amount=999)
    sandbox.ask("POST", f"/admin/intents/{intent['id']}/dispute", {"amount": 2000})
    sandbox.ask("POST", f"/admin/intents/{intent['id']}/dispute/won")
    sandbox.create("tok_success")

    dispute_id = sandbox.read(intent)["disputes"][0]["id"]
    lines = [(line["kind"], line["reference"], line["amount"], line["fee"]) for line in report(sandbox)]
    assert lines == [
        ("charge", intent["reference"], 12999, 207),
        ("refund", "r:1", -999, 0),
        ("dispute", dispute_id, -2000, 1500),
        ("dispute_won", dispute_id, 2000, 0),
    ]
    assert {line["object_id"] for line in report(sandbox)} == {intent["id"]}
    assert len({line["id"] for line in report(sandbox)}) == 4


def test_a_pending_refund_is_reported_when_it_has_succeeded(sandbox):
    intent = sandbox.captured("tok_refund_pending")
    sandbox.do(intent, "refunds", reference="r:1", amount=999)
    assert [line["kind"] for line in report(sandbox)] == ["charge"]
    wait_until(lambda: len(report(sandbox)) == 2)


def test_a_failed_refund_is_not_reported(sandbox):
    intent = sandbox.captured("tok_refund_fails")
    sandbox.do(intent, "refunds", reference="r:1", amount=999)
    assert [line["kind"] for line in report(sandbox)] == ["charge"]


@pytest.mark.parametrize(
    ("method", "amounts"),
    [
        ("tok_settles_missing", []),
        ("tok_settles_wrong", [13000]),
        ("tok_settles_twice", [12999, 12999]),
        ("tok_settles_foreign", [12999, 12999]),
    ],
)
def test_a_method_makes_the_report_wrong(sandbox, method, amounts):
    intent = sandbox.captured(method)
    lines = report(sandbox)
    assert [line["amount"] for line in lines] == amounts
    assert len({line["id"] for line in lines}) == len(lines)
    foreign = [line["object_id"] for line in lines if line["object_id"] != intent["id"]]
    assert len(foreign) == (1 if method == "tok_settles_foreign" else 0)
    assert report(sandbox) == lines


def test_the_report_outlives_the_process(sandbox):
    sandbox.captured()
    before = report(sandbox)
    for _ in range(2):  # the second start reads what the first one compacted
        sandbox.kill()
        sandbox.start()
    assert report(sandbox) == before


def test_a_day_without_movements_has_an_empty_report(sandbox):
    assert sandbox.ask("GET", "/v1/settlements/1999-01-01") == (200, {"day": "1999-01-01", "data": []})
