"""Webhooks are hints: verified, stored once, and a reason to read. What they say is never believed."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from datetime import timedelta

import pytest
from django.utils import timezone
from payments.models import ProviderOperation, WebhookEvent
from payments.tasks import forget_webhooks, handle_webhook
from payments.use_cases.refunds import retry_refund

PATH = "/api/v1/webhooks/payments/sandbox"


def signed(event, *, secret: str, at: float | None = None) -> tuple[bytes, str]:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return body, f"t={stamp},v1={digest}"


@pytest.fixture
def secret(settings) -> str:
    settings.PAYMENTS_WEBHOOK_SECRETS = ["the new secret", "the old secret"]
    return "the old secret"


def handle_all() -> None:
    """The worker reads what webhooks named, before it does anything else."""
    for webhook_id in WebhookEvent.objects.filter(handled_at=None).values_list("pk", flat=True):
        handle_webhook(str(webhook_id))


def event_about(object_id: str, type_: str = "intent.authorized") -> dict:
    return {"id": "evt_1", "type": type_, "object_id": object_id, "created_at": "2026-10-05T10:00:00+00:00"}


@pytest.mark.django_db
def test_webhooks_that_were_done_with_a_month_ago_are_forgotten_and_others_stay():
    now = timezone.now()
    for event_id, handled_at in (
        ("evt_old", now - timedelta(days=31)),
        ("evt_young", now - timedelta(days=29)),
        ("evt_open", None),
    ):
        WebhookEvent.objects.create(
            provider="sandbox",
            event_id=event_id,
            type="intent.captured",
            object_id="in_1",
            payload={},
            received_at=now - timedelta(days=40),
            handled_at=handled_at,
        )
    assert forget_webhooks() == 1
    assert set(WebhookEvent.objects.values_list("event_id", flat=True)) == {"evt_young", "evt_open"}


def test_case_16_of_the_fault_matrix_a_webhook_before_the_answer(purchase):
    purchase.pay("tok_webhook_first")
    [early] = purchase.webhooks()
    assert purchase.hand_over(early).status_code == 200
    assert purchase.said() == ["authorized"]


def test_a_webhook_about_an_object_that_we_do_not_know_yet_is_read_later(purchase, sweep, without_workers):
    purchase.pay("tok_success")  # nobody has called the provider yet
    operation = ProviderOperation.objects.get()
    body = {"reference": str(operation.attempt_id), "amount": 12999, "currency": "EUR", "payment_method": "tok_success"}
    headers = {"Idempotency-Key": operation.idempotency_key}
    purchase.provider._client.post("/v1/intents", json=body, headers=headers)  # a worker that was killed had
    ProviderOperation.objects.update(state="unknown")
    assert purchase.hand_over(purchase.webhooks()[0]).status_code == 200
    assert purchase.said() == []
    for _ in range(2):
        sweep()
    assert purchase.said() == ["authorized"]
    assert WebhookEvent.objects.get().handled_at is not None


@pytest.mark.parametrize("method", ["tok_webhook_twice", "tok_webhook_reordered", "tok_success"])
def test_duplicated_and_reordered_webhooks_change_nothing(purchase, method):
    purchase.pay(method).say("confirmed", repeat=0)
    taken = purchase.webhooks(4 if method == "tok_webhook_twice" else 2)
    for webhook in [*taken, *reversed(taken)]:
        assert purchase.hand_over(webhook).status_code == 200
    assert purchase.said() == ["authorized", "captured"]
    assert purchase.done("captured") == 1
    assert WebhookEvent.objects.count() == 2


def test_a_late_webhook_changes_nothing(purchase):
    purchase.pay("tok_webhook_late").say("confirmed", repeat=0)
    purchase.say("cancelled", reason="buyer")
    for webhook in purchase.webhooks(3):
        assert purchase.hand_over(webhook).status_code == 200
    assert purchase.said() == ["authorized", "captured", "refunded"]
    assert purchase.kept() == 0


def test_what_a_webhook_says_is_not_believed(purchase, secret):
    purchase.pay("tok_action")
    lie = signed(event_about(purchase.intents()[0]["id"], "intent.captured"), secret=secret)
    assert purchase.hand_over(lie).status_code == 200
    assert (purchase.state, purchase.said()) == ("waiting", [])


@pytest.mark.parametrize("known", ["the new secret", "the old secret"])
def test_each_of_our_secrets_is_good(purchase, secret, known):
    assert purchase.hand_over(signed(event_about("pi_none"), secret=known)).status_code == 200


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body, signature: (body, ""),
        lambda body, signature: (body, "nonsense"),
        lambda body, signature: (body, signature.replace("v1=", "v0=")),
        lambda body, signature: (body, signature[:-1] + ("0" if signature[-1] != "0" else "1")),
        lambda body, signature: (body.replace(b"evt_1", b"evt_2"), signature),
        lambda body, signature: (body, signature.replace("t=", "t=1")),
        lambda body, signature: (body, signature.replace("t=", "t=x")),
        lambda body, signature: (body, "t=²," + signature.partition(",")[2]),
        lambda body, signature: (body, signature.partition(",")[0] + ",v1=é"),
    ],
)
def test_a_signature_that_is_not_good_is_refused(purchase, secret, spoil):
    answer = purchase.hand_over(spoil(*signed(event_about("pi_1"), secret=secret)))
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    assert answer["Content-Type"] == "application/problem+json"
    assert WebhookEvent.objects.count() == 0


@pytest.mark.parametrize("seconds", [-330, 330])
def test_a_timestamp_from_another_time_is_refused(purchase, secret, seconds):
    webhook = signed(event_about("pi_1"), secret=secret, at=time.time() + seconds)
    assert purchase.hand_over(webhook).status_code == 401
    assert WebhookEvent.objects.count() == 0


def test_a_foreign_secret_is_refused(purchase, secret):
    assert purchase.hand_over(signed(event_about("pi_1"), secret="someone else's")).status_code == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b'{"id": "evt_1"}'])
def test_a_signed_body_that_is_no_event_is_refused(purchase, secret, body):
    assert purchase.hand_over(signed(body, secret=secret)).status_code == 401
    assert WebhookEvent.objects.count() == 0


@pytest.mark.parametrize("field", ["id", "object_id", "type"])
def test_a_signed_event_with_a_very_long_field_is_refused(purchase, secret, field):
    answer = purchase.hand_over(signed(event_about("pi_1") | {field: "x" * 5000}, secret=secret))
    assert (answer.status_code, WebhookEvent.objects.count()) == (401, 0)


def test_an_object_that_stays_unknown_is_given_up(purchase, secret, sweep):
    assert purchase.hand_over(signed(event_about("pi_nobodys"), secret=secret)).json() == {"received": True}
    for _ in range(5):
        sweep()
    assert WebhookEvent.objects.get().handled_at is not None
    assert purchase.said() == []


def test_a_provider_that_there_is_not_is_404(purchase, secret):
    body, signature = signed(event_about("pi_1"), secret=secret)
    for name in ("paypal", "stripe"):
        path = PATH.replace("sandbox", name)
        answer = purchase.api.post(
            path, body, content_type="application/json", headers={"Sandbox-Signature": signature}
        )
        assert answer.status_code == 404


def test_a_webhook_while_the_provider_is_away_is_handled_when_it_is_back(purchase, sweep):
    purchase.pay("tok_action")
    purchase.provider.shopper(purchase.intents()[0], "approve")
    webhook = purchase.webhooks(2)[1]
    purchase.provider.kill()
    assert purchase.hand_over(webhook).status_code == 200
    assert purchase.state == "waiting"
    purchase.provider.start()
    sweep()
    assert purchase.said() == ["authorized"]


def test_a_late_webhook_does_not_fail_a_refund_that_is_being_retried(purchase, sweep, without_workers):
    """The object still shows the first try's failure while the second is about to be sent."""
    purchase.pay("tok_refund_fails")
    purchase.say("confirmed", repeat=0)
    refund_id = purchase.ask_refund(2999)
    for _ in range(4):
        sweep()
    assert purchase.said()[-1] == "refund_failed"

    retry_refund(payment_id=purchase.payment_id, refund_id=refund_id, now=timezone.now())
    for webhook in purchase.webhooks(3):
        purchase.hand_over(webhook)
    handle_all()
    for _ in range(4):
        sweep()

    assert purchase.said()[-2:] == ["refund_failed", "refunded"]
    assert purchase.kept() == 10000


def test_the_shopper_approves_the_old_attempt_while_the_new_one_is_waiting_for_its_cancellation(
    purchase, sweep, without_workers
):
    """The webhook of the approval comes between the decision to cancel and the cancellation."""
    purchase.pay("tok_action")
    sweep()
    purchase.pay("tok_success")
    purchase.provider.shopper(purchase.intents()[0], "approve")
    purchase.hand_over(purchase.webhooks(2)[1])
    handle_all()
    for _ in range(4):
        sweep()
    purchase.say("confirmed", repeat=0)
    for _ in range(4):
        sweep()

    assert "capture_failed" not in purchase.said()
    assert (purchase.state, purchase.kept()) == ("captured", 12999)
