"""Webhooks: signed, asynchronous, sent until they are taken; late, twice, reordered or early when asked to be."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

from .conftest import PACE, SECRET, Sandbox, wait_until


def test_a_webhook_is_signed_with_the_first_secret(sandbox, shop):
    _, intent = sandbox.create()
    wait_until(lambda: shop.events)

    _, headers, body = shop.events[0]
    event = json.loads(body)
    assert (event["type"], event["object_id"]) == ("intent.authorized", intent["id"])
    assert event["id"].startswith("evt_")
    stamp, _, digest = headers["Sandbox-Signature"].partition(",")
    expected = hmac.new(SECRET.encode(), f"{stamp[2:]}.{body}".encode(), hashlib.sha256).hexdigest()
    assert digest == f"v1={expected}"
    assert abs(int(stamp[2:]) - time.time()) < 5


def test_every_change_is_told(sandbox, shop):
    intent = sandbox.captured()
    sandbox.do(intent, "refunds", reference="r", amount=1)
    sandbox.do(sandbox.create("tok_action")[1], "cancel")
    expected = [
        "intent.authorized",
        "intent.cancelled",
        "intent.captured",
        "intent.requires_action",
        "refund.succeeded",
    ]
    wait_until(lambda: sorted(shop.types()) == expected)


def test_a_webhook_is_sent_until_it_is_taken(sandbox, shop):
    shop.refusals = 3
    sandbox.create()
    wait_until(lambda: shop.types() == ["intent.authorized"])
    assert shop.refusals == 0


def test_early_arrives_before_the_answer(sandbox, shop):
    sandbox.create("tok_webhook_first")
    assert shop.types() == ["intent.authorized"]


def test_early_that_is_not_taken_is_sent_again(sandbox, shop):
    shop.refusals = 2
    sandbox.create("tok_webhook_first")
    wait_until(lambda: shop.types() == ["intent.authorized"])


def test_twice_carries_one_id(sandbox, shop):
    sandbox.create("tok_webhook_twice")
    wait_until(lambda: len(shop.events) == 2)
    assert len({json.loads(body)["id"] for _, _, body in shop.events}) == 1


def test_late_comes_late(sandbox, shop):
    asked = time.monotonic()
    sandbox.create("tok_webhook_late")
    wait_until(lambda: shop.events)
    assert shop.events[0][0] - asked >= 20 * PACE * 0.95


def test_reordered_is_overtaken(sandbox, shop):
    sandbox.captured("tok_webhook_reordered")
    wait_until(lambda: shop.types() == ["intent.captured", "intent.authorized"])


def test_what_was_not_taken_is_sent_after_a_kill(tmp_path, shop):
    shop.refusals = 10**6
    before = Sandbox(tmp_path, shop.url)
    before.create()
    wait_until(lambda: shop.refusals < 10**6)
    before.kill()
    shop.refusals = 0

    after = Sandbox(tmp_path, shop.url)

    wait_until(lambda: shop.types() == ["intent.authorized"])
    after.kill()
