"""Mails on their way: a server that is away, senders that die, refusals, and workers that race."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from aiosmtpd.controller import Controller
from django.core import mail
from django.db import connection
from django.utils import timezone
from notifications.models import Delivery
from notifications.tasks import retry_deliveries, send_delivery
from notifications.use_cases import deliveries, sending

from tests.conftest import Order


class Mailbox:
    """A real SMTP server that can be away: `with mailbox:` it is there. It keeps what it takes."""

    def __init__(self, settings):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.taken: list = []
        self.refusal = ""
        self.sessions = 0
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", self.port, 5

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.taken.append(envelope)
        return "250 OK"

    def __enter__(self) -> Mailbox:
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()
        return self

    def __exit__(self, *error) -> None:
        self.controller.stop()


@pytest.fixture
def mailbox(settings, db, eager_tasks) -> Iterator[Mailbox]:
    vars(sending._thread).clear()  # its connection to the server of the test before
    yield Mailbox(settings)
    vars(sending._thread).clear()


def test_the_connection_to_the_server_is_kept_and_made_anew_when_it_is_gone(mailbox):
    with mailbox:
        Order().place().say("order.paid")
        assert mailbox.sessions == 1
    with mailbox:
        order = Order().place()
    assert (mailbox.sessions, order.mail("order_received").state, len(mailbox.taken)) == (2, "sent", 3)


@pytest.fixture
def owed(db) -> Delivery:
    """A mail that no task was woken for."""
    order = Order()
    order.place()
    Delivery.objects.filter(order_id=order.id).update(
        state="pending", attempts=0, next_try_at=timezone.now(), sent_at=None
    )
    mail.outbox.clear()
    return order.mail("order_received")


def test_a_mail_reaches_a_real_server(mailbox):
    with mailbox:
        order = Order().place()
    (envelope,) = mailbox.taken
    assert envelope.rcpt_tos == ["mira.devries@example.com"]
    assert f"Message-ID: <{order.mail('order_received').id}@".encode() in envelope.content
    assert order.mail("order_received").state == "sent"


def test_a_server_that_is_away_and_comes_back_gets_each_mail_once(mailbox):
    orders = [Order().place() for _ in range(3)]
    waiting = [order.mail("order_received") for order in orders]
    assert {(row.state, row.attempts) for row in waiting} == {("pending", 1)}
    assert all("Connection refused" in row.last_error for row in waiting)
    with mailbox:
        assert sending.send_due(now=timezone.now()) == 0  # their wait is not over
        later = timezone.now() + timedelta(seconds=40)
        assert sending.send_due(now=later) == 3
        assert sending.send_due(now=later) == 0
    assert len(mailbox.taken) == 3
    assert {order.mail("order_received").state for order in orders} == {"sent"}


def test_while_the_server_is_away_a_sweep_tries_one_mail(mailbox):
    for _ in range(3):
        Order().place()
    sending.send_due(now=timezone.now() + timedelta(seconds=40))
    assert sorted(Delivery.objects.values_list("attempts", flat=True)) == [1, 1, 2]


def test_an_address_that_the_server_refuses_fails_at_once_and_is_sent_when_a_person_says_so(mailbox):
    with mailbox:
        mailbox.refusal = "550 no such mailbox"
        failed = Order().place().mail("order_received")
        assert (failed.state, failed.attempts, failed.next_try_at) == ("failed", 1, None)
        assert "no such mailbox" in failed.last_error
        mailbox.refusal = ""
        deliveries.retry_delivery(delivery_id=failed.pk, now=timezone.now())
    failed.refresh_from_db()
    assert (failed.state, failed.attempts, failed.last_error, len(mailbox.taken)) == ("sent", 1, "", 1)


def test_a_mailbox_that_is_full_for_now_is_tried_again(mailbox):
    with mailbox:
        mailbox.refusal = "452 full"
        waiting = Order().place().mail("order_received")
    assert (waiting.state, waiting.attempts) == ("pending", 1)


def test_ten_attempts_and_then_a_person_decides(mailbox):
    delivery = Order().place().mail("order_received")
    later = timezone.now()
    for _ in range(12):
        later += timedelta(hours=2)
        sending.send_due(now=later)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.next_try_at) == ("failed", 10, None)


def test_an_address_that_is_none_fails_without_stopping_others(owed):
    Delivery.objects.filter(pk=owed.pk).update(recipient="mira\r\nBcc: all@example.com")
    assert sending.send(delivery_id=owed.pk, now=timezone.now()) == "failed"
    assert mail.outbox == []


def test_the_sweep_sends_what_no_task_was_woken_for(owed):
    assert retry_deliveries() == 1
    assert [message.to for message in mail.outbox] == [["mira.devries@example.com"]]
    assert retry_deliveries() == 0


def test_a_sender_that_died_leaves_its_mail_to_the_sweep(owed):
    now = timezone.now()
    Delivery.objects.filter(pk=owed.pk).update(state="sending", attempts=1, next_try_at=now + sending.CLAIM)
    assert sending.send_due(now=now + timedelta(minutes=2)) == 0
    assert sending.send_due(now=now + timedelta(minutes=4)) == 1
    owed.refresh_from_db()
    assert (owed.state, owed.attempts) == ("sent", 2)


def test_a_sender_that_was_given_up_writes_nothing(owed, monkeypatch):
    def given_up_meanwhile(delivery, contact):
        Delivery.objects.filter(pk=delivery.pk).update(attempts=2, last_error="another's")  # who is sending it now
        raise smtplib.SMTPServerDisconnected("too late")

    monkeypatch.setattr(sending.letters, "mail", given_up_meanwhile)
    with pytest.raises(sending.ServerAway):
        sending.send(delivery_id=owed.pk, now=timezone.now())
    owed.refresh_from_db()
    assert (owed.state, owed.last_error) == ("sending", "another's")


def test_workers_that_race_send_one_mail(owed):
    start = Barrier(6)

    def work(_):
        start.wait()
        try:
            send_delivery(str(owed.pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as workers:
        list(workers.map(work, range(6)))
    assert len(mail.outbox) == 1
    owed.refresh_from_db()
    assert (owed.state, owed.attempts) == ("sent", 1)


def test_a_mail_that_became_pointless_while_it_waited_is_not_sent(mailbox):
    order = Order().place()
    order.say("payment.failed", code="card_declined", retryable=True)
    order.say("order.paid")
    with mailbox:
        sending.send_due(now=timezone.now() + timedelta(seconds=60))
    asked = order.mail("payment_failed")
    assert (asked.state, asked.reason) == ("suppressed", "overtaken")
    assert sorted(row.template for row in order.mails(state="sent")) == ["order_confirmed", "order_received"]


def test_the_sweep_is_one_statement_when_there_is_nothing_to_do(db, statements):
    with statements() as run:
        assert retry_deliveries() == 0
    assert len(run) == 1
