"""What buyers read, in their language."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from notifications.domain.policy import KINDS, LANGUAGES
from notifications.letters import texts

from tests.conftest import PARCEL, Order, examples

EUR = {"amount_minor": 1995, "currency": "EUR"}


def both(message) -> tuple[str, str]:
    """Text and HTML of a mail."""
    (html,) = message.alternatives
    assert html.mimetype == "text/html"
    return message.body, html.content


def test_the_confirmation_repeats_lines_charges_and_total(order):
    order.say("order.paid", total={"amount_minor": 7349, "currency": "EUR"})
    received, confirmed = mail.outbox
    assert received.to == confirmed.to == ["mira.devries@example.com"]
    assert confirmed.subject == f"Your order {order.number} is confirmed"
    for body in both(confirmed):
        for part in ("Hello Mira de Vries,", "Sidamo-koffiebonen, 1 kg", "2 × €24.50", "Shipping", "€4.09", "€73.49"):
            assert part in body


@pytest.mark.parametrize(
    ("locale", "parts"),
    [
        (
            "de-AT",
            ["Guten Tag Mira de Vries,", "Ihre Zahlung ist eingegangen", "2 × 24,50\xa0€", "73,49\xa0€"],
        ),
        ("ja", ["Mira de Vries 様", "ご注文が確定いたしました", "2 × €24.50", "送料", "合計", "€73.49"]),
        ("nl-NL", ["Hello Mira de Vries,", "Your payment has arrived", "Total", "€73.49"]),
    ],
)
def test_a_mail_speaks_its_readers_language(db, eager_tasks, locale, parts):
    Order(locale=locale).place().say("order.paid")
    for body in both(mail.outbox[-1]):
        assert [part for part in parts if part not in body] == []


def test_amounts_have_their_currencys_decimals_and_say_who_collects_them(db, eager_tasks):
    kuwait = examples("crossborder.order.placed.v1")[2]
    Order(**{name: kuwait[name] for name in ("contact", "lines", "charges", "total")}).place(repeat=0)
    for body in both(mail.outbox[0]):
        assert "KWD90.760" in body
        assert re.search(r"Import duty.*paid on delivery.*KWD4\.538", body, re.DOTALL)


def test_a_name_cannot_smuggle_markup_into_a_mail(db, eager_tasks):
    contact = {"email": "x@example.com", "name": "<script>alert(1)</script>{number}", "locale": "en"}
    Order(contact=contact).place()
    text, html = both(mail.outbox[0])
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "<script>alert(1)</script>{number}" in text


def test_a_rejected_order_says_what_is_available(order):
    order.say("order.rejected", lines=[{"sku": "COFFEE-SIDAMO-1KG", "requested": 2, "available": 1}])
    for body in both(mail.outbox[-1]):
        assert "Sidamo-koffiebonen, 1 kg" in body
        assert "ordered 2, available 1" in body


def test_a_declined_payment_says_until_when_to_try_again(order):
    order.say("payment.failed", code="card_declined", retryable=True)
    assert mail.outbox[-1].subject == f"Payment for order {order.number} did not go through"
    for body in both(mail.outbox[-1]):
        assert "try again until January 1, 2099, 12:00" in body
        assert "€73.49" in body


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [("buyer", "You asked us"), ("staff", "customer service"), ("capture_failed", "bank"), ("stock_lost", "no longer")],
)
def test_a_cancellation_gives_its_reason(order, reason, sentence):
    order.say("order.cancelled", reason=reason)
    for body in both(mail.outbox[-1]):
        assert sentence in body


def test_a_cancellation_for_a_reason_that_is_new_is_told_without_it(order):
    order.say("order.cancelled", reason="meteorite")
    assert "was cancelled" in mail.outbox[-1].subject
    assert "meteorite" not in mail.outbox[-1].body


def test_a_refund_names_its_amount(order):
    order.say("payment.refunded", refund_id=None, amount=EUR)
    assert mail.outbox[-1].subject == f"Refund for order {order.number}: €19.95"


def test_a_shipment_names_parcel_carrier_and_number(order):
    order.say("order.shipped", **PARCEL)
    for body in both(mail.outbox[-1]):
        for part in ("Sidamo-koffiebonen", "quantity 2", "PostNL", "3SCBTA0012345"):
            assert part in body
        assert "Delftsblauwe" not in body


def test_a_parcel_without_a_tracking_number_names_none(order):
    order.say("order.shipped", **{**PARCEL, "tracking_number": None})
    assert "Tracking" not in mail.outbox[-1].body
    assert "None" not in mail.outbox[-1].body


def test_only_mails_that_can_be_switched_off_carry_the_unsubscribe_headers(order):
    order.say("order.paid")
    order.say("order.shipped", **PARCEL)
    received, confirmed, shipped = mail.outbox
    assert "List-Unsubscribe" not in {**received.extra_headers, **confirmed.extra_headers}
    assert shipped.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = shipped.extra_headers["List-Unsubscribe"].strip("<>")
    for body in both(shipped):
        assert link in body


def test_the_message_id_is_the_deliverys(order):
    assert mail.outbox[0].extra_headers["Message-ID"] == f"<{order.mail('order_received').id}@crossborder.example>"


@pytest.mark.parametrize("template", ["lines_cancelled", "return_requested", "return_approved", "return_rejected"])
def test_lines_are_named_by_their_titles(order, template):
    lines = [{"line_id": 2, "sku": "MUG-DELFT-300ML", "quantity": 1, "warehouse": "NL-AMS"}]
    order.say(f"order.{template}", return_id=PARCEL["shipment_id"], lines=lines)
    assert "Delftsblauwe mok, 300 ml (quantity 1)" in mail.outbox[-1].body


def placeholders(value, path=()) -> dict[tuple, set[str]]:
    """Each text's path and the names in braces that it uses."""
    if isinstance(value, dict):
        return {
            key: names for name, inner in value.items() for key, names in placeholders(inner, (*path, name)).items()
        }
    return {path: set(re.findall(r"{(\w+)}", value))}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_with_the_same_facts(language):
    assert placeholders(texts(language)) == placeholders(texts("en"))
    assert set(KINDS) == set(texts(language)) - {"labels", "unsubscribe"}
