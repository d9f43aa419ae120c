"""The page on which a shopper approves or declines."""

from __future__ import annotations

import pytest

from deploy.sandbox_provider.pages import money


def test_the_shopper_approves_and_goes_back_to_the_shop(sandbox):
    _, intent = sandbox.create("tok_action", description="Order <CB-1>")
    path = intent["redirect_url"].removeprefix(f"http://127.0.0.1:{sandbox.port}")
    status, page = sandbox.ask("GET", path)
    assert (status, intent["status"]) == (200, "requires_action")
    assert all(text in page for text in ("129.99 €", "Order &lt;CB-1&gt;", "Approve", "Decline"))

    assert sandbox.ask("POST", f"{path}/approve")[0] == 303

    assert sandbox.headers["Location"] == f"https://shop.example/paid?order=7&intent={intent['id']}"
    assert sandbox.read(intent)["status"] == "authorized"


def test_the_shopper_declines(sandbox):
    _, intent = sandbox.create("tok_action")
    assert sandbox.ask("POST", f"/pay/{intent['id']}/decline")[0] == 303
    after = sandbox.read(intent)
    assert (after["status"], after["code"]) == ("declined", "authentication_failed")


@pytest.mark.parametrize("first", ["approve", "decline", "cancel"])
def test_what_was_decided_stays(sandbox, first):
    _, intent = sandbox.create("tok_action")
    if first == "cancel":
        sandbox.do(intent, "cancel")
    else:
        sandbox.ask("POST", f"/pay/{intent['id']}/{first}")
    decided = sandbox.read(intent)

    assert [sandbox.ask("POST", f"/pay/{intent['id']}/{verdict}")[0] for verdict in ("approve", "decline")] == [303] * 2

    assert sandbox.read(intent) == decided
    assert "<form" not in sandbox.ask("GET", f"/pay/{intent['id']}")[1]


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [(129999, "EUR", "1,299.99 €"), (500, "JPY", "500 ¥"), (1005, "KWD", "1.005 KWD"), (5, "USD", "0.05 $")],
)
def test_amounts_are_written_for_people(amount, currency, text):
    assert money(amount, currency) == text
