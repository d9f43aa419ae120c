"""Events as they come: once, twice, late, out of order, and everything that producers show as an example."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from auth_jwt.models import KnownUser
from django.core import mail
from notifications.consumers import HANDLERS
from notifications.models import Delivery, OrderContact, Recipient
from outbox.testing import deliver

from tests.conftest import MIRA, PARCEL, SERVICES, Order, examples, user_event

EUR = {"amount_minor": 1995, "currency": "EUR"}
LINES = [{"line_id": 1, "sku": "COFFEE-SIDAMO-1KG", "quantity": 1, "requested": 1, "available": 0}]
TELLS = {  # event: what it tells, and what the event says
    "order.rejected": ("order_rejected", {"lines": LINES}),
    "order.paid": ("order_confirmed", {"total": EUR}),
    "order.expired": ("order_expired", {"reason": "unpaid"}),
    "order.cancelled": ("order_cancelled", {"reason": "buyer"}),
    "order.lines_cancelled": ("lines_cancelled", {"lines": LINES}),
    "order.shipped": ("order_shipped", PARCEL),
    "order.delivered": ("order_delivered", {"shipment_id": PARCEL["shipment_id"]}),
    "order.return_requested": ("return_requested", {"return_id": MIRA, "lines": LINES}),
    "order.return_approved": ("return_approved", {"return_id": MIRA, "lines": LINES}),
    "order.return_rejected": ("return_rejected", {"return_id": MIRA, "lines": LINES}),
    "order.return_received": ("return_received", {"return_id": MIRA, "lines": LINES}),
    "payment.failed": ("payment_failed", {"code": "card_declined", "retryable": True}),
    "payment.refunded": ("refunded", {"refund_id": MIRA, "amount": EUR}),
}
each_event = pytest.mark.parametrize(("name", "template", "data"), [(name, *what) for name, what in TELLS.items()])
ALERTS = ["payment.refund_failed", "payment.disputed", "payment.dispute_closed", "stock.commit_failed"]
PRODUCED = sorted(
    file.name.removesuffix(".examples.json") for file in SERVICES.glob("*/contracts/events/*.examples.json")
)


@each_event
def test_what_happens_to_an_order_is_told_once(order, name, template, data):
    assert order.say(name, **data) is True
    assert [message.subject for message in mail.outbox[1:]] == [order.mail(template).subject]
    sent = order.mail(template)
    assert (sent.state, sent.attempts, sent.recipient) == ("sent", 1, "mira.devries@example.com")


@each_event
def test_the_same_event_again_tells_nothing(order, name, template, data):
    event_id = str(uuid4())
    order.say(name, id=event_id, **data)
    assert order.say(name, id=event_id, **data) is False
    assert len(mail.outbox) == 2


@each_event
def test_the_same_fact_in_another_event_tells_nothing(order, name, template, data):
    order.say(name, **data)
    assert order.say(name, **data) is True
    told_each = name == "order.lines_cancelled"  # one line after the other: only the event tells them apart
    assert len(mail.outbox) == 2 + told_each


@each_event
def test_what_comes_before_the_order_is_known_is_told_when_it_is(db, eager_tasks, name, template, data):
    order = Order()
    order.say(name, **data)
    waiting = order.mail(template)
    assert (waiting.state, waiting.reason, mail.outbox) == ("suppressed", "order_unknown", [])
    order.place()
    assert order.mail(template).state == "sent"
    assert [message.subject for message in mail.outbox] == [order.mail(t).subject for t in ("order_received", template)]


def test_a_placed_order_is_learnt_and_acknowledged_once(db, eager_tasks):
    order = Order(user_id=MIRA)
    event_id = str(uuid4())
    order.say("order.placed", id=event_id, **order.placed)
    order.say("order.placed", id=event_id, **order.placed)
    order.place()
    assert len(mail.outbox) == 1
    contact = OrderContact.objects.get(number=order.number)
    assert (str(contact.user_id), contact.email, contact.progress) == (MIRA, "mira.devries@example.com", "placed")
    assert contact.summary["total"] == {"amount_minor": 7349, "currency": "EUR"}


def test_a_question_asked_again_is_not_told(db, eager_tasks):
    Order().place(repeat=1)
    assert not OrderContact.objects.exists()
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("settled", ["order.paid", "order.cancelled", "order.expired"])
def test_a_declined_payment_that_comes_late_asks_nobody_to_pay(order, settled):
    order.say(settled, reason="unpaid")
    order.say("payment.failed", code="card_declined", retryable=True)
    late = order.mail("payment_failed")
    assert (late.state, late.reason, len(mail.outbox)) == ("suppressed", "overtaken", 2)


def test_a_declined_payment_after_time_is_up_asks_nobody_to_pay(order):
    order.say("payment.failed", code="abandoned", retryable=True, now=datetime(2099, 1, 1, tzinfo=UTC))
    assert order.mail("payment_failed").reason == "overtaken"


def test_declined_again_and_again_is_one_mail(order):
    for _ in range(3):
        order.say("payment.failed", code="card_declined", retryable=True)
    assert len(mail.outbox) == 2


def test_a_payment_that_cannot_be_tried_again_asks_for_another_method(order):
    order.say("payment.failed", code="account_closed", retryable=False)
    assert "another payment method" in mail.outbox[-1].body
    assert order.mail("payment_refused").state == "sent"


def test_two_refunds_without_an_id_are_two_mails(order):
    order.say("payment.refunded", refund_id=None, amount=EUR)
    order.say("payment.refunded", refund_id=None, amount=EUR)
    assert len(order.mails(template="refunded", state="sent")) == 2


def test_two_parcels_are_two_mails(order):
    order.say("order.shipped", **PARCEL)
    order.say("order.shipped", **{**PARCEL, "shipment_id": str(uuid4())})
    assert len(order.mails(template="order_shipped", state="sent")) == 2


@pytest.mark.parametrize("name", ALERTS)
def test_staff_are_alerted_in_the_log(order, caplog, name):
    order.say(name, **{**examples(f"crossborder.{name}.v1")[0], "order_number": order.number})
    (alert,) = [record for record in caplog.records if record.message.startswith("staff alert")]
    assert alert.order_number == order.number
    assert len(mail.outbox) == 1


def test_a_user_becomes_known_and_their_tokens_too(db):
    user_event("registered")
    user_event("changed", version=3, name="Mira", tokens_valid_after="2026-10-06T00:00:00Z")
    assert user_event("changed", version=2, name="Older") is True
    person, tokens = Recipient.objects.get(pk=MIRA), KnownUser.objects.get(pk=MIRA)
    assert (person.version, person.name, person.email) == (3, "Mira", "mira.devries@example.com")
    assert (tokens.version, tokens.tokens_valid_after.day) == (3, 6)


def test_an_erased_user_is_refused_and_stays_erased(db):
    user_event("registered")
    user_event("erased")
    user_event("changed", version=9)
    assert KnownUser.objects.get(pk=MIRA).status == "erased"
    person = Recipient.objects.get(pk=MIRA)
    assert (person.email, person.name, person.locale) == ("", "", "")


@pytest.mark.parametrize("event_type", PRODUCED)
def test_every_example_of_every_producer_is_handled_twice_without_failing(db, eager_tasks, event_type):
    for example in examples(event_type):
        key = example.get("order_id") or example.get("id") or example["sku"]
        assert deliver(event_type, example, key=key) is (event_type in HANDLERS)
        deliver(event_type, example, key=key)


def test_every_example_told_as_one_story_leaves_nothing_open(db, eager_tasks):
    first = ["crossborder.user.registered.v1", "crossborder.order.placed.v1"]
    rest = [name for name in PRODUCED if name not in first and name in HANDLERS]
    for event_type in [*first, *rest]:
        for example in examples(event_type):
            deliver(event_type, example, key=example.get("order_id") or example.get("id"))
    assert not Delivery.objects.exclude(state__in=["sent", "suppressed"]).exists()
    assert mail.outbox


def test_each_handled_type_is_one_that_somebody_publishes():
    assert set(HANDLERS) <= set(PRODUCED)
