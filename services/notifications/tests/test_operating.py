"""What people who run it use: the command that explains, the admin, the schedule, the documents."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils.module_loading import import_string
from notifications.models import Delivery

from tests.conftest import MIRA, PARCEL, Order, user_event

NOW = "2026-11-02T09:00:00Z"


def explained(number: str) -> str:
    out = StringIO()
    call_command("explain_notifications", number, stdout=out)
    return out.getvalue()


def test_it_explains_what_was_sent_and_why_not(order):
    order.say("order.paid")
    order.say("payment.failed", code="card_declined", retryable=True)
    text = explained(order.number.lower())
    assert "mira.devries@example.com (en), a guest, paid" in text
    assert "order_confirmed   sent at" in text
    assert "payment_failed    not told: the order was paid or closed" in text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"state": "pending", "attempts": 2, "next_try_at": NOW, "last_error": "refused"},
            "waits until 09:00:00 after 2",
        ),
        ({"state": "pending", "next_try_at": NOW, "attempts": 0}, "waits until 09:00:00\n"),
        ({"state": "sending", "next_try_at": NOW}, "is being sent, attempt 1"),
        (
            {"state": "failed", "attempts": 10, "last_error": "550 no"},
            "FAILED after 10 attempts, a person decides: 550 no",
        ),
    ],
)
def test_it_explains_what_waits_and_what_has_failed(order, fields, words):
    Delivery.objects.filter(order_id=order.id).update(**fields)
    assert words in explained(order.number)


def test_it_explains_an_inbox_and_a_buyer_who_was_erased(db, eager_tasks):
    order = Order(user_id=MIRA).place()
    assert "in the inbox" in explained(order.number)
    user_event("erased")
    assert "its buyer was erased" in explained(order.number)
    assert "mira" not in explained(order.number)


def test_it_explains_an_order_whose_beginning_has_not_come(db):
    order = Order()
    order.say("order.shipped", **PARCEL)
    assert "order.placed has not come yet; it is told when it does" in explained(order.number)
    with pytest.raises(CommandError, match="Nothing is known of order CB-NONE"):
        explained("CB-NONE")


@pytest.fixture
def operator(client, db):
    client.force_login(User.objects.create_superuser("operator"))
    return client


@pytest.mark.parametrize("page", ["delivery", "ordercontact", "recipient"])
def test_operators_read_and_cannot_write(operator, order, page):
    user_event("registered")
    assert operator.get(f"/admin/notifications/notifications/{page}/?q=mira.devries@example.com").status_code == 200
    assert operator.get(f"/admin/notifications/notifications/{page}/add/").status_code == 403


def test_operators_try_failed_mails_again(operator, order):
    Delivery.objects.filter(order_id=order.id).update(state="failed", attempts=10)
    chosen = {"action": "retry", "_selected_action": [str(order.mail("order_received").pk)]}
    operator.post("/admin/notifications/notifications/delivery/", chosen)
    assert order.mail("order_received").state == "sent"
    assert len(mail.outbox) == 2


def test_the_sweep_is_scheduled_and_every_scheduled_task_exists():
    assert settings.BEAT_SCHEDULES["notifications.tasks.retry_deliveries"] == 15
    for name in [*settings.BEAT_SCHEDULES, "notifications.tasks.send_delivery"]:
        assert import_string(name).name == name


def test_all_four_topics_are_read_and_none_is_written():
    assert len(settings.OUTBOX["SUBSCRIPTIONS"]) == 4
    assert settings.OUTBOX["TOPIC"] is None


def test_the_openapi_document_is_current(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml"))
    kept = Path(settings.BASE_DIR / "contracts" / "openapi.yaml").read_text("utf-8")
    assert (tmp_path / "openapi.yaml").read_text("utf-8") == kept


def test_no_migration_is_missing(db):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
