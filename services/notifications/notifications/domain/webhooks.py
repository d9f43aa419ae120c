"""What merchants' systems are told, how a message is signed (Standard Webhooks 1.0), and where it may be sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

TEST = "webhook.test"
EVENTS = (
    *("order.placed", "order.confirmed", "order.paid", "order.rejected", "order.expired", "order.cancelled"),
    *("order.lines_cancelled", "order.refund_requested", "order.shipped", "order.delivered"),
    *("order.return_requested", "order.return_approved", "order.return_rejected", "order.return_received"),
    *("payment.authorized", "payment.captured", "payment.failed", "payment.capture_failed", "payment.voided"),
    *("payment.refunded", "payment.refund_failed", "payment.disputed", "payment.dispute_closed"),
    "stock.commit_failed",
)
SECRET_PREFIX = "whsec_"
ROTATION = timedelta(hours=24)  # so long messages are signed with the secret before, too
MAX_ATTEMPTS = 16  # about a day and a half
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=6)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=1)
NAT64 = IPv6Network("64:ff9b::/96")  # an IPv4 address is its last 32 bits
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Refused(Exception):
    """Nothing is sent to this address; the message says why."""


def event_name(type: str) -> str:
    """`order.paid` of `crossborder.order.paid.v1`."""
    return type.removeprefix("crossborder.").rpartition(".")[0]


def signatures(secrets: Iterable[str], *, id: str, at: datetime, body: str) -> str:
    """The header `webhook-signature`: HMAC-SHA256 over `id.timestamp.body` by each secret, base64, after `v1,`."""
    signed = f"{id}.{int(at.timestamp())}.{body}".encode()
    made = (
        hmac.new(base64.b64decode(secret.removeprefix(SECRET_PREFIX)), signed, hashlib.sha256) for secret in secrets
    )
    return " ".join(f"v1,{base64.b64encode(mac.digest()).decode()}" for mac in made)


def new_secret(entropy: bytes) -> str:
    """A signing secret as merchants' libraries take it; `entropy` are 24 to 64 random bytes."""
    return SECRET_PREFIX + base64.b64encode(entropy).decode()


def require_sendable(url: str) -> None:
    """Raises Refused unless it is an http(s) address with a host, without a user in it and without a fragment."""
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError as error:
        raise Refused("It is not a web address.") from error
    if parts.scheme not in {"https", "http"} or not parts.hostname or not port_is_valid:
        raise Refused("It must be an address such as https://shop.example/webhooks.")
    if parts.username or parts.password or parts.fragment:
        raise Refused("It must have no user, password or fragment in it.")


def require_reachable(url: str, addresses: Iterable[str], private_networks: Iterable[str]) -> str:
    """The first of the addresses that the url's host has; Refused if any of them is not for the public to reach.

    `private_networks` are allowed all the same, and only there https is not asked for.
    """
    allowed = [ip_network(network) for network in private_networks]
    found = [_plain(ip_address(address.partition("%")[0])) for address in addresses]
    if not found:
        raise Refused("Its host has no address.")
    for address in found:
        if any(address in network for network in allowed):
            continue
        if not _is_public(address):
            raise Refused(f"{address} is not a public address.")
        if urlsplit(url).scheme != "https":
            raise Refused("It must begin with https://.")
    return str(found[0])


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as IPv6 is judged as what it is."""
    return getattr(address, "ipv4_mapped", None) or address


def _is_public(address: Address) -> bool:
    """Whether anybody may be there; an address by NAT64 is judged as the IPv4 address that it leads to."""
    if address in NAT64:
        address = IPv4Address(int(address) & 0xFFFF_FFFF)
    once_private = address.is_reserved or getattr(address, "is_site_local", False)
    return address.is_global and not address.is_multicast and not once_private


def wait_after(attempts: int, *, jitter: float) -> timedelta | None:
    """How long a message waits after its nth failed attempt: 30 s, doubling to 6 h; None: it has failed.

    `jitter` (0..1) spreads it by up to a fifth.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    return min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT) * (1 + jitter / 5)


def pause_after(failures: int) -> timedelta:
    """How long an endpoint is left alone after so many failures in a row: 10 s, doubling to an hour."""
    return min(FIRST_PAUSE * 2 ** min(failures - 1, 12), LONGEST_PAUSE)
