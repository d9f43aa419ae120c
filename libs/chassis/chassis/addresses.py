"""Whose address a request came from."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from django.conf import settings
from rest_framework.request import Request


def client_address(request: Request) -> str:
    """The shopper's address as the gateway saw it; a forwarded header from anyone else is not believed."""
    peer = request.META.get("REMOTE_ADDR") or "127.0.0.1"
    forwarded = request.META.get("HTTP_X_REAL_IP", "")
    try:
        if any(ip_address(peer) in ip_network(block) for block in settings.GATEWAY_CIDR) and forwarded:
            return str(ip_address(forwarded))
    except ValueError:
        pass
    return peer
