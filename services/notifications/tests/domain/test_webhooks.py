"""Where webhooks may go, how they are signed and how long they wait; without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from notifications.domain import webhooks
from notifications.domain.webhooks import Refused, require_reachable, require_sendable
from standardwebhooks import Webhook, WebhookVerificationError

NOW = datetime.now(UTC)
OLD, NEW = webhooks.new_secret(b"o" * 32), webhooks.new_secret(b"n" * 32)


def headers(secrets, body: str, at: datetime = NOW) -> dict[str, str]:
    signed = webhooks.signatures(secrets, id="m1", at=at, body=body)
    return {"webhook-id": "m1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signed}


def test_a_merchants_library_verifies_the_signature_with_either_secret_while_it_is_rotated():
    body = '{"name":"Grüße, 世界"}'
    for secret in (OLD, NEW):
        assert Webhook(secret).verify(body, headers([NEW, OLD], body)) == {"name": "Grüße, 世界"}
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(body, headers([NEW], body))
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(body + " ", headers([NEW], body))
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(body, headers([NEW], body, at=NOW - timedelta(minutes=6)))


@pytest.mark.parametrize(
    "url",
    [
        *("", "shop.example", "ftp://shop.example", "https://", "https:///x", "https://user@shop.example/"),
        *("https://user:pass@shop.example/", "https://shop.example/#x", "https://shop.example:99999/", "https://[::1/"),
        "https://shop.example:0/",
    ],
)
def test_what_is_no_web_address_is_refused(url):
    with pytest.raises(Refused):
        require_sendable(url)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",  # noqa: S104
            "224.0.0.1",
        ),
        *("::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "ff02::1", "255.255.255.255"),
        *("64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.5", "::127.0.0.1", "fec0::1"),  # by NAT64; as IPv6 once was
    ],
)
def test_an_address_that_is_not_public_is_refused(address):
    with pytest.raises(Refused, match="not a public address"):
        require_reachable("https://shop.example/", [address], [])
    with pytest.raises(Refused, match="not a public address"):
        require_reachable("https://shop.example/", ["8.8.8.8", address], [])


def test_a_public_address_needs_https_and_a_permitted_private_one_does_not():
    assert require_reachable("https://shop.example/", ["8.8.8.8", "9.9.9.9"], []) == "8.8.8.8"
    with pytest.raises(Refused, match="https"):
        require_reachable("http://shop.example/", ["8.8.8.8"], ["10.0.0.0/8"])
    assert require_reachable("https://shop.example/", ["64:ff9b::8.8.8.8"], []) == "64:ff9b::808:808"
    assert require_reachable("https://shop.example/", ["2a00:1450::1"], []) == "2a00:1450::1"
    assert require_reachable("http://shop.internal/", ["10.1.2.3"], ["10.0.0.0/8"]) == "10.1.2.3"
    with pytest.raises(Refused, match=r"10\.1\.2\.3"):
        require_reachable("https://shop.example/", ["10.1.2.3"], ["10.2.0.0/16"])
    with pytest.raises(Refused, match="no address"):
        require_reachable("https://shop.example/", [], [])


def test_waits_grow_and_end():
    waits = [webhooks.wait_after(attempt, jitter=0) for attempt in range(1, webhooks.MAX_ATTEMPTS)]
    assert waits[:3] == [timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2)]
    assert waits == sorted(waits)
    assert timedelta(days=1) < sum(waits, timedelta()) < timedelta(days=3)
    assert webhooks.wait_after(webhooks.MAX_ATTEMPTS, jitter=0) is None
    assert webhooks.pause_after(1) == timedelta(seconds=10)
    assert webhooks.pause_after(10_000) == timedelta(hours=1)


def test_an_events_name_is_its_type_without_what_is_only_ours():
    assert webhooks.event_name("crossborder.order.paid.v1") == "order.paid"
