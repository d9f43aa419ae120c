"""Erased people: nothing that names them stays, whatever order events come in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from django.core import mail
from django.db import connection, transaction
from django.forms.models import model_to_dict
from django.utils import timezone
from notifications.models import Delivery, OrderContact, Recipient
from notifications.use_cases import sending

from tests.conftest import MIRA, PARCEL, Order, user_event

PERSONAL = ("mira", "devries", "koffie", "3SCBTA0012345")


def everything() -> str:
    """All that is kept, as text."""
    rows = [*Recipient.objects.all(), *OrderContact.objects.all(), *Delivery.objects.all()]
    return " ".join(str(model_to_dict(row)) for row in rows).lower()


def assert_forgotten() -> None:
    kept = everything()
    assert [word for word in PERSONAL if word.lower() in kept] == []


@pytest.fixture
def mira(db, eager_tasks) -> Order:
    """An order of Mira's, who has an account."""
    user_event("registered")
    return Order(user_id=MIRA).place()


def test_erasing_forgets_account_contacts_and_what_was_sent(mira):
    mira.say("order.shipped", **PARCEL)
    assert "mira" in everything()
    user_event("erased")
    assert_forgotten()
    assert {row.state for row in mira.mails()} == {"sent"}  # that it was sent is no secret


def test_erased_between_placed_and_paid_nothing_more_is_told(mira):
    user_event("erased")
    mira.say("order.paid")
    mira.say("order.shipped", **PARCEL)
    assert len(mail.outbox) == 1
    assert mira.mail("order_confirmed").reason == "erased"
    assert_forgotten()


def test_erased_before_their_order_is_known_its_buyer_is_not_learnt(db, eager_tasks):
    user_event("erased")
    order = Order(user_id=MIRA).place()
    order.say("order.paid")
    assert mail.outbox == []
    assert_forgotten()


def test_erased_while_the_order_is_unknown_what_waited_is_forgotten_too(db, eager_tasks):
    order = Order(user_id=MIRA)
    order.say("order.shipped", **PARCEL)
    user_event("erased")
    order.place()
    assert mail.outbox == []
    assert_forgotten()


def test_what_is_owed_when_they_are_erased_is_not_sent(mira):
    Delivery.objects.filter(channel="email").update(state="pending", next_try_at=timezone.now())
    mail.outbox.clear()
    user_event("erased")
    assert sending.send_due(now=timezone.now()) == 0
    assert mail.outbox == []
    assert mira.mail("order_received").reason == "erased"


def test_others_are_not_forgotten(mira):
    guest = Order().place()
    user_event("erased")
    assert OrderContact.objects.get(number=guest.number).email
    assert guest.mail("order_received").recipient


def test_erased_twice_is_erased(mira):
    user_event("erased")
    user_event("erased")
    assert_forgotten()


def test_erasing_waits_for_a_notice_that_is_being_written(mira):
    """The notice's transaction is open when erasing begins: erasing must see its rows, or they stay for ever."""
    written, erased = Event(), Event()

    def erase():
        written.wait(5)
        try:
            user_event("erased")
            erased.set()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        erasing = other.submit(erase)
        with transaction.atomic():
            mira.say("order.shipped", **PARCEL)
            written.set()
            assert not erased.wait(0.7)
        erasing.result()
    assert_forgotten()


def test_erasing_races_with_events_about_their_orders(db, eager_tasks):
    """Whoever wins, nothing that names them is left: locks decide, not luck."""
    for _ in range(8):
        Recipient.objects.all().delete()
        orders = [Order(user_id=MIRA).place(), Order(user_id=MIRA)]
        start = Barrier(3)

        def run(action, start=start):
            start.wait()
            try:
                action()
            finally:
                connection.close()

        actions = [lambda o=orders: o[0].say("order.shipped", **PARCEL), lambda o=orders: o[1].place()]
        with ThreadPoolExecutor(3) as workers:
            list(workers.map(run, [*actions, lambda: user_event("erased")]))
        assert_forgotten()
