"""A worker that is killed (SIGKILL) at every step of a call: nothing is lost, and nothing happens twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone
from payments.models import ProviderOperation
from payments.use_cases import operations
from payments.use_cases.audit import check_invariants

from tests.test_settings import SERVICE

POINTS = ["payments.before_call", "payments.after_call", "payments.before_commit", "payments.after_commit"]
PROGRAM = """
import django, sys
django.setup()
from payments.use_cases.operations import perform
perform(operation_id=sys.argv[1])
"""


def worker_dies(point: str, operation_id) -> None:
    """In a process of its own, at that point."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "payments.settings",
        "PAYMENTS_DB_NAME": connection.settings_dict["NAME"],
        "SANDBOX_URL": django_settings.SANDBOX_URL,
        "CRASHPOINT": point,
    }
    command = [sys.executable, "-c", PROGRAM, str(operation_id)]
    run = subprocess.run(command, cwd=SERVICE, env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == -signal.SIGKILL, run.stderr


def opened(purchase) -> ProviderOperation | None:
    return ProviderOperation.objects.filter(open_payment=purchase.payment_id, state="pending").first()


def go_on(purchase) -> None:
    while (operation := opened(purchase)) is not None:
        operations.perform(operation_id=operation.pk)


@pytest.mark.parametrize("point", POINTS)
def test_case_4_killed_while_it_authorises(purchase, without_workers, sweep, point):
    purchase.pay("tok_success")
    worker_dies(point, opened(purchase).pk)
    for _ in range(3):
        sweep()
    lost = point == "payments.before_call"  # nothing was asked, so nothing is held: the shopper tries again
    assert purchase.said() == (["failed"] if lost else ["authorized"])
    if lost:
        purchase.pay("tok_success")
    purchase.say("confirmed", repeat=0)
    for _ in range(3):
        sweep()
    assert (purchase.said()[-2:], purchase.kept()) == (["authorized", "captured"], 12999)


@pytest.mark.parametrize("point", POINTS)
def test_case_4_killed_while_it_captures(purchase, without_workers, sweep, point):
    purchase.pay("tok_success")
    go_on(purchase)
    purchase.say("confirmed", repeat=0)
    worker_dies(point, opened(purchase).pk)
    for _ in range(3):
        sweep()
    assert purchase.said() == ["authorized", "captured"]
    assert (purchase.done("captured"), purchase.done("capture repeated")) == (1, 0)
    assert check_invariants(now=timezone.now()) == []


@pytest.mark.parametrize("point", POINTS)
def test_case_7_killed_while_it_lets_go(purchase, without_workers, sweep, point):
    purchase.pay("tok_success")
    go_on(purchase)
    purchase.say("cancelled", reason="buyer")
    worker_dies(point, opened(purchase).pk)
    for _ in range(3):
        sweep()
    assert (purchase.state, purchase.said(), purchase.kept()) == ("voided", ["authorized", "voided"], 0)
    assert check_invariants(now=timezone.now()) == []


@pytest.mark.parametrize("point", POINTS)
def test_case_18_killed_while_it_pays_back(purchase, without_workers, sweep, point):
    """Two refunds wait, so that after the first one's commit there is a next."""
    purchase.pay("tok_success")
    go_on(purchase)
    purchase.say("confirmed", repeat=0)
    go_on(purchase)
    first = purchase.ask_refund(1000)
    purchase.ask_refund(2000)
    worker_dies(point, ProviderOperation.objects.get(open_payment=purchase.payment_id).pk)
    for _ in range(4):
        sweep()
    assert purchase.said()[2:] == ["refunded", "refunded"]
    assert purchase.events()[2][1]["refund_id"] == str(first)
    assert purchase.kept() == 12999 - 3000
    assert check_invariants(now=timezone.now()) == []


@pytest.mark.parametrize("point", POINTS)
def test_case_14_killed_while_the_capture_is_refused(purchase, without_workers, sweep, point):
    purchase.pay("tok_capture_refused")
    go_on(purchase)
    purchase.say("confirmed", repeat=0)
    worker_dies(point, opened(purchase).pk)
    for _ in range(3):
        sweep()
    purchase.say("cancelled", reason="capture_failed")
    for _ in range(2):
        sweep()
    assert (purchase.said(), purchase.kept()) == (["authorized", "capture_failed"], 0)
    assert check_invariants(now=timezone.now()) == []


@pytest.mark.parametrize("point", POINTS)
def test_case_11_killed_while_it_gives_a_second_success_back(purchase, without_workers, sweep, point):
    purchase.pay("tok_timeout_lost")
    go_on(purchase)
    sweep()
    purchase.pay("tok_success")
    go_on(purchase)
    lost = purchase.payment.attempts.get(number=1)
    body = {"reference": str(lost.pk), "amount": 12999, "currency": "EUR", "payment_method": "tok_success"}
    client = purchase.provider._client
    intent = client.post("/v1/intents", json=body, headers={"Idempotency-Key": f"late {lost.pk}"}).json()
    client.post(f"/v1/intents/{intent['id']}/capture", headers={"Idempotency-Key": f"late capture {lost.pk}"})
    operations.look(attempt_id=lost.pk)
    worker_dies(point, opened(purchase).pk)
    for _ in range(3):
        sweep(seconds=90)
    lost.refresh_from_db()
    assert (lost.state, purchase.kept()) == ("given_back", 12999)
    assert len(purchase.intents()[0]["refunds"]) == 1
    assert check_invariants(now=timezone.now()) == []
