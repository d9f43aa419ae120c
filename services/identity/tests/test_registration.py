"""Opening an account, and proving that the address is one's own."""

from __future__ import annotations

import pytest
from django.core import mail
from identity.models import MailedCode, User
from identity.tasks import send_owed_codes
from outbox.testing import capture_events

from tests.conftest import PASSWORD, mailed_code

NEW = {"email": "Noor@Example.com", "password": PASSWORD, "name": "Noor", "locale": "de"}


def test_registering_mails_a_code_that_activates_the_account_and_tells_the_others(client):
    assert client.post("/api/v1/auth/register", NEW).status_code == 202
    assert mail.outbox[-1].to == ["noor@example.com"]
    assert "Ihr Code" in mail.outbox[-1].subject
    with capture_events() as events:
        answer = client.post("/api/v1/auth/verify-email", {"email": "noor@example.com", "code": mailed_code()})
    assert answer.status_code == 200
    assert answer.json()["status"] == "active"
    assert [event.type for event in events] == ["crossborder.user.registered.v1"]
    assert events[0].data["email"] == "noor@example.com"


def test_a_known_address_gets_the_same_answer_and_a_mail_that_says_so(client, shopper):
    known = client.post("/api/v1/auth/register", {**NEW, "email": shopper.email})
    unknown = client.post("/api/v1/auth/register", NEW)
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert [sent.to[0] for sent in mail.outbox] == [shopper.email, "noor@example.com"]
    assert "already have an account" in mail.outbox[0].subject
    assert User.objects.count() == 2


def test_a_wrong_code_is_refused_and_after_five_tries_the_right_one_too(client):
    client.post("/api/v1/auth/register", NEW)
    code = mailed_code()
    wrong = "00000000" if code != "00000000" else "11111111"
    for _ in range(5):
        answer = client.post("/api/v1/auth/verify-email", {"email": "noor@example.com", "code": wrong})
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_code")
    late = client.post("/api/v1/auth/verify-email", {"email": "noor@example.com", "code": code})
    assert late.json()["code"] == "wrong_code"
    assert User.objects.get().status == "pending"


def test_a_mail_whose_task_was_lost_is_sent_by_the_sweep(client, shopper, time_machine_at):
    MailedCode.objects.create(user=shopper, purpose="reset_password")  # owed, and no task was woken
    assert not mail.outbox
    with time_machine_at(seconds=10):
        assert send_owed_codes() == 1
        assert send_owed_codes() == 0
    assert len(mail.outbox) == 1
    assert MailedCode.objects.get().sent_at is not None


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"password": "12345678"}, "#/password"),
        ({"email": "no-address"}, "#/email"),
        ({"locale": "xx"}, "#/locale"),
        ({"is_staff": True}, "#/is_staff"),
        ({"roles": ["admin"]}, "#/roles"),
        ({"name": "x" * 201}, "#/name"),
    ],
)
def test_bad_input_is_refused_with_a_pointer_and_opens_no_account(client, change, pointer):
    answer = client.post("/api/v1/auth/register", {**NEW, **change})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert not User.objects.exists()


def test_who_registered_first_does_not_own_what_somebody_else_verifies(client, time_machine_at):
    client.post("/api/v1/auth/register", {**NEW, "password": "attackers-choice-1"})
    with time_machine_at(minutes=2):
        client.post("/api/v1/auth/register", NEW)
        client.post("/api/v1/auth/verify-email", {"email": "noor@example.com", "code": mailed_code()})
        for password in ("attackers-choice-1", PASSWORD):
            login = client.post("/api/v1/auth/token", {"email": "noor@example.com", "password": password})
            assert login.status_code == 401
        client.post("/api/v1/auth/password/forgot", {"email": "noor@example.com"})
        reset = {"email": "noor@example.com", "code": mailed_code(), "password": "the-owners-own-7"}
        assert client.post("/api/v1/auth/password/reset", reset).status_code == 204
        login = client.post("/api/v1/auth/token", {"email": "noor@example.com", "password": "the-owners-own-7"})
        assert login.status_code == 200


def test_a_mailbox_is_not_flooded(client):
    for _ in range(5):
        assert client.post("/api/v1/auth/register", NEW).status_code == 202
    assert len(mail.outbox) == 1


def test_one_undeliverable_mail_does_not_keep_others_waiting_and_is_given_up(
    client, shopper, settings, time_machine_at
):
    for purpose in ("reset_password", "verify_email"):
        MailedCode.objects.create(user=shopper, purpose=purpose)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens there
    for minute in range(1, 13):
        with time_machine_at(minutes=2 * minute):
            send_owed_codes()
    assert list(MailedCode.objects.values_list("sendings", flat=True)) == [10, 10]
    with time_machine_at(minutes=60):
        assert send_owed_codes() == 0
