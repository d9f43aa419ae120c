"""Notices in words: an order and what happened to it, told in the buyer's language, and the mail made of that."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from babel.dates import format_date, format_time
from chassis.fields import money
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.signing import Signer
from django.template.loader import render_to_string
from django.utils import translation

from notifications.domain.policy import KINDS
from notifications.models import Delivery, OrderContact

SALT = "notifications.unsubscribe"
WITH_BILL = {"order_received", "order_confirmed"}  # these repeat what was ordered and what it costs


@dataclass(frozen=True)
class Letter:
    """What a notice says. All amounts and dates are formatted already; rows are (what, detail, amount or note)."""

    subject: str
    greeting: str
    paragraphs: list[str]
    closing: str
    facts: list[tuple[str, str]]
    items: list[tuple[str, str]] = field(default_factory=list)
    charges: list[tuple[str, str, str]] = field(default_factory=list)
    total: str = ""


@cache
def texts(language: str) -> dict[str, Any]:
    """Everything we say in one of `policy.LANGUAGES`; placeholders are those of `_words`."""
    return tomllib.loads((Path(__file__).parent / "texts" / f"{language}.toml").read_text("utf-8"))


def write(delivery: Delivery, contact: OrderContact) -> Letter:
    """The notice in the delivery's language."""
    says = texts(delivery.locale)
    with translation.override(delivery.locale):
        words, say = _words(delivery, contact), says[delivery.template]
        because = say.get("because", {}).get(delivery.context.get("reason"))
        bill = contact.summary if delivery.template in WITH_BILL else {}
        return Letter(
            subject=say["subject"].format_map(words),
            greeting=says["labels"]["greeting"].format_map(words)
            if contact.name
            else says["labels"]["greeting_nobody"],
            paragraphs=[text.format_map(words) for text in (say["lead"], because) if text],
            closing=say.get("closing", "").format_map(words),
            facts=_facts(delivery, contact, says["labels"]),
            items=_items(delivery, contact, says["labels"]),
            charges=[_charge(charge, says["labels"]) for charge in bill.get("charges", [])],
            total=words["total"] if bill else "",
        )


def mail(delivery: Delivery, contact: OrderContact) -> EmailMultiAlternatives:
    """The mail, text and HTML. Its Message-ID is the delivery's, so that one sent twice can be recognised."""
    letter = write(delivery, contact)
    link = "" if KINDS[delivery.template].essential else unsubscribe_url(delivery.pk)
    shown = {"letter": letter, "labels": texts(delivery.locale)["labels"], "language": delivery.locale, "link": link}
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    headers = {"Message-ID": f"<{delivery.pk}@{domain}>", "Auto-Submitted": "auto-generated"}
    if link:
        headers |= {"List-Unsubscribe": f"<{link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}  # RFC 8058
    body = render_to_string("notifications/mail.txt", shown)
    message = EmailMultiAlternatives(letter.subject, body, to=[delivery.recipient], headers=headers)
    message.attach_alternative(render_to_string("notifications/mail.html", shown), "text/html")
    return message


def unsubscribe_url(delivery_id: UUID) -> str:
    return f"{settings.PUBLIC_URL}/api/v1/unsubscribe/{Signer(salt=SALT).sign(str(delivery_id))}"


def _words(delivery: Delivery, contact: OrderContact) -> dict[str, str]:
    return {
        "name": contact.name,
        "number": contact.number,
        "total": _money(contact.summary["total"]),
        "until": _moment(contact.expires_at, delivery.locale),
        "amount": _money(delivery.context["amount"]) if "amount" in delivery.context else "",
    }


def _facts(delivery: Delivery, contact: OrderContact, labels: dict[str, Any]) -> list[tuple[str, str]]:
    facts = [(labels["order"], contact.number)]
    facts += [
        (labels[name], delivery.context[name])
        for name in ("carrier", "tracking_number")
        if name in labels and delivery.context.get(name)
    ]
    return facts


def _items(delivery: Delivery, contact: OrderContact, labels: dict[str, Any]) -> list[tuple[str, str]]:
    """(title, how many): what was ordered, or the lines that the event names."""
    ordered = contact.summary["lines"]
    if delivery.template in WITH_BILL:
        return [(line["title"], f"{line['quantity']} × {_money(line['unit_price'])}") for line in ordered]
    titles = {key: line["title"] for line in ordered for key in (line["line_id"], line["sku"])}
    short = labels["short"] if delivery.template == "order_rejected" else labels["quantity"]
    named = delivery.context.get("lines", [])
    return [(titles.get(line.get("line_id", line["sku"]), line["sku"]), short.format_map(line)) for line in named]


def _charge(charge: dict[str, Any], labels: dict[str, Any]) -> tuple[str, str, str]:
    note = labels["on_delivery"] if charge["collect"] == "delivery" else ""
    return labels["charges"].get(charge["kind"], labels["charges"]["fee"]), note, _money(charge["amount"])


def _money(amount: dict[str, Any]) -> str:
    return money(amount["amount_minor"], amount["currency"])["display"]


def _moment(moment: datetime, language: str) -> str:
    utc = moment.astimezone(UTC)
    return f"{format_date(utc, 'long', locale=language)}, {format_time(utc, 'short', locale=language)} UTC"
