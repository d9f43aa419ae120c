"""What buyers read."""

from __future__ import annotations

from django.core import mail

PARCEL = {
    "shipment_id": "01a1a0d9-f100-7f41-ac5a-47c2762500aa",
    "lines": [{"line_id": 1, "sku": "COFFEE-SIDAMO-1KG", "quantity": 2, "warehouse": "NL-AMS"}],
    "carrier": "PostNL",
    "tracking_number": "3SCBTA0012345",
}


def test_the_confirmation_repeats_lines_charges_and_total(order):
    order.say("order.paid", total={"amount_minor": 7349, "currency": "EUR"})
    received, confirmed = mail.outbox
    assert received.to == confirmed.to == ["mira.devries@example.com"]
    assert confirmed.subject == f"Your order {order.number} is confirmed"
    html = confirmed.alternatives[0].content
    for body in (confirmed.body, html):
        for part in ("Hello Mira de Vries,", "Sidamo-koffiebonen, 1 kg", "2 × €24.50", "Shipping", "€4.09", "€73.49"):
            assert part in body
