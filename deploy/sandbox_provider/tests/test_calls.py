"""What shops may ask: authorise, capture, let go, pay back; each call once per key."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest


def test_an_intent_shows_what_was_asked_for(sandbox):
    status, intent = sandbox.create(reference="attempt-1")

    assert status == 200
    expected = ("attempt-1", 12999, "EUR", "authorized", "", "", [])
    fields = ("reference", "amount", "currency", "status", "code", "redirect_url", "refunds")
    assert tuple(intent[name] for name in fields) == expected
    assert intent["id"].startswith("pi_")
    assert datetime.fromisoformat(intent["updated_at"]).utcoffset() == timedelta(0)
    assert sandbox.read(intent) == intent
    assert sandbox.of("attempt-1") == [intent]
    assert sandbox.of("attempt-2") == []


def test_money_is_taken_once_however_often_it_is_asked_for(sandbox):
    _, intent = sandbox.create()

    results = [sandbox.do(intent, "capture") for _ in range(3)]

    assert [(status, found["status"]) for status, found in results] == [(200, "captured")] * 3
    assert [line["what"] for line in sandbox.read(intent)["history"]].count("captured") == 1


def test_what_is_cancelled_cannot_be_captured_and_the_other_way_round(sandbox):
    cancelled = sandbox.do(sandbox.create()[1], "cancel")[1]
    captured = sandbox.captured()

    assert sandbox.do(cancelled, "capture") == (402, _refusal("an intent that is cancelled cannot be captured"))
    assert sandbox.do(captured, "cancel") == (402, _refusal("an intent that is captured cannot be cancelled"))
    assert sandbox.do(cancelled, "cancel")[0] == 200


def _refusal(message):
    return {"code": "invalid_state", "message": message}


def test_no_more_goes_back_than_was_taken(sandbox):
    intent = sandbox.captured()
    sandbox.do(intent, "refunds", reference="r1", amount=10000)

    status, refusal = sandbox.do(intent, "refunds", reference="r2", amount=3000)
    assert (status, refusal["code"]) == (402, "refund_too_large")

    _, after = sandbox.do(intent, "refunds", reference="r3", amount=2999)
    assert after["refunds"] == [
        {"reference": "r1", "amount": 10000, "status": "succeeded"},
        {"reference": "r3", "amount": 2999, "status": "succeeded"},
    ]


def test_money_that_was_not_taken_cannot_go_back(sandbox):
    assert sandbox.do(sandbox.create()[1], "refunds", reference="r", amount=1)[1]["code"] == "invalid_state"


def test_a_repeated_key_replays_the_answer_and_does_nothing(sandbox):
    intent = sandbox.captured()
    first = sandbox.do(intent, "refunds", key="k", reference="r", amount=100)
    assert "Idempotent-Replayed" not in sandbox.headers

    again = sandbox.do(intent, "refunds", key="k", reference="r", amount=100)

    assert again == first
    assert sandbox.headers["Idempotent-Replayed"] == "true"
    assert len(sandbox.read(intent)["refunds"]) == 1


def test_a_new_key_is_a_new_refund_whatever_its_reference(sandbox):
    intent = sandbox.captured()
    for _ in range(2):
        sandbox.do(intent, "refunds", reference="r", amount=100)

    assert len(sandbox.read(intent)["refunds"]) == 2


def test_a_key_belongs_to_one_request(sandbox):
    _, intent = sandbox.create(key="k", reference="a")

    for status, refusal in (sandbox.create(key="k", reference="b"), sandbox.do(intent, "capture", key="k")):
        assert (status, refusal["code"]) == (400, "idempotency_key_reused")
    assert sandbox.read(intent)["status"] == "authorized"


def test_a_refusal_is_replayed_too(sandbox):
    _, intent = sandbox.create("tok_action")
    refused = sandbox.do(intent, "capture", key="k")
    sandbox.ask("POST", f"/pay/{intent['id']}/approve")

    assert refused[0] == 402
    assert sandbox.do(intent, "capture", key="k") == refused
    assert sandbox.do(intent, "capture")[1]["status"] == "captured"


def test_thirty_threads_with_one_key_make_one_intent(sandbox):
    answers = []
    body = {"reference": "together", "amount": 5, "currency": "EUR", "payment_method": "tok_success"}

    def create():
        answers.append(sandbox.ask("POST", "/v1/intents", body, "k"))

    threads = [threading.Thread(target=create) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(answers) == 30
    assert all(answer == answers[0] for answer in answers)
    assert len(sandbox.of("together")) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 0}, "invalid_request"),
        ({"amount": -5}, "invalid_request"),
        ({"amount": 12.5}, "invalid_request"),
        ({"amount": True}, "invalid_request"),
        ({"currency": "eur"}, "invalid_request"),
        ({"reference": ""}, "invalid_request"),
        ({"return_url": "javascript:alert(1)"}, "invalid_request"),
        ({"payment_method": "4242424242424242"}, "unknown_payment_method"),
    ],
)
def test_what_cannot_be_is_refused(sandbox, changes, code):
    status, refusal = sandbox.create(**changes)
    assert (status, refusal["code"]) == (400, code)


@pytest.mark.parametrize("raw", ["", "{", "[]", '"x"', b"\xff\xfe"])
def test_a_body_that_is_no_object_is_refused(sandbox, raw):
    assert sandbox.ask("POST", "/v1/intents", raw, "k")[0] == 400


def test_a_call_without_a_key_is_refused(sandbox):
    _, intent = sandbox.create()
    status, refusal = sandbox.ask("POST", f"/v1/intents/{intent['id']}/capture")
    assert (status, refusal["code"]) == (400, "idempotency_key_missing")


@pytest.mark.parametrize("path", ["/v1/intents/pi_none", "/pay/pi_none", "/nowhere", "/v1"])
def test_what_is_not_there_is_404(sandbox, path):
    assert sandbox.ask("GET", path)[0] == 404
    assert sandbox.ask("POST", path)[0] == 404
