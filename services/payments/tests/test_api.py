"""Payments over HTTP: whose they are, what is taken, what is answered."""

from __future__ import annotations

import hashlib
from uuid import uuid4

import pytest
from auth_jwt.testing import bearer
from payments.models import Attempt, Payment

from tests.conftest import Purchase


def test_the_owner_sees_what_is_owed(purchase):
    shown = purchase.shown()
    assert shown["id"] == str(purchase.payment_id)
    assert shown["amount"] == {"amount_minor": 12999, "currency": "EUR", "exponent": 2, "display": "€129.99"}
    assert (shown["status"], shown["next_action"], shown["last_error"]) == ("created", None, None)
    expected = "amount expires_at id last_error next_action order_id order_number refunded status"
    assert sorted(shown) == expected.split()


@pytest.mark.parametrize("headers", [{}, {"Order-Token": "a-guests-order-token"}, {"Order-Token": ""}])
def test_someone_elses_payment_is_404(purchase, headers):
    for chosen in (headers, bearer(uuid4())):
        answer = purchase.api.get(f"/api/v1/payments/{purchase.payment_id}", headers=chosen)
        assert (answer.status_code, answer["Retry-After"]) == (404, "1")
    purchase.headers = bearer(uuid4())
    assert purchase.confirm("tok_success").status_code == 404
    assert Attempt.objects.count() == 0


def test_a_payment_that_was_not_asked_for_yet_is_404(api, connected):
    answer = api.get(f"/api/v1/payments/{uuid4()}", headers=bearer(uuid4()))
    assert (answer.status_code, answer["Retry-After"]) == (404, "1")


def test_a_guest_pays_with_the_order_token(guest_purchase):
    assert guest_purchase.shown()["status"] == "created"
    guest_purchase.pay("tok_success").say("confirmed", repeat=0)
    assert guest_purchase.said() == ["authorized", "captured"]
    assert guest_purchase.events()[0][1]["user_id"] is None


@pytest.mark.parametrize("token", ["", "another", "A-guests-order-token"])
def test_a_guests_payment_opens_with_its_own_token_alone(guest_purchase, token):
    sha256 = hashlib.sha256(b"a-guests-order-token").hexdigest()
    for chosen in (token, sha256):
        headers = {"Order-Token": chosen}
        answer = guest_purchase.api.get(f"/api/v1/payments/{guest_purchase.payment_id}", headers=headers)
        assert answer.status_code == 404
    answer = guest_purchase.api.get(f"/api/v1/payments/{guest_purchase.payment_id}", headers=bearer(uuid4()))
    assert answer.status_code == 404


def test_confirming_is_answered_before_the_provider_is_asked(purchase, without_workers):
    answer = purchase.confirm("tok_success")
    assert (answer.status_code, answer["Retry-After"]) == (202, "1")
    assert answer.json() == {"status": "authorizing", "next_action": None}
    assert purchase.shown()["status"] == "authorizing"
    assert purchase.intents() == []


def test_the_same_confirmation_twice_is_one_attempt(purchase):
    first = purchase.confirm("tok_action", key="once")
    second = purchase.confirm("tok_action", key="once")
    assert (first.status_code, second.status_code) == (202, 202)
    assert second["Idempotent-Replayed"] == "true"
    assert len(purchase.intents()) == 1
    assert purchase.confirm("tok_success", key="once").status_code == 422


def test_a_confirmation_needs_a_key(purchase):
    body = {"payment_method": "tok_success", "return_url": "https://shop.example/paid"}
    path = f"/api/v1/payments/{purchase.payment_id}/confirm"
    assert purchase.api.post(path, body, headers=purchase.headers).status_code == 400


@pytest.mark.parametrize("method", ["tok_success", "tok_timeout_done"])
def test_what_is_paid_or_being_paid_is_not_paid_again(purchase, method):
    purchase.pay(method)
    answer = purchase.confirm("tok_success")
    expected = "already_paid" if method == "tok_success" else "payment_in_progress"
    assert (answer.status_code, answer.json()["code"]) == (409, expected)
    assert purchase.payment.attempts.count() == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/paid",
        "https://shop.example.evil.example/paid",
        "https://shop.example@evil.example/paid",
        "https://shop.example:8443/paid",
        "http://shop.example/paid",
        "https://evil.example/https://shop.example/",
        "javascript:alert(1)",
        "//shop.example/paid",
        "https://shop.example\\@evil.example/paid",
        "https://shop.example/paid\r\nX-Header: 1",
        "",
    ],
)
def test_the_shopper_is_sent_back_to_the_shop_alone(purchase, url):
    answer = purchase.confirm("tok_action", return_url=url)
    assert answer.status_code == 400, answer.json()
    assert purchase.payment.attempts.count() == 0


def test_an_origin_of_the_list_is_good_with_any_path(purchase):
    assert purchase.confirm("tok_action", return_url="https://shop.example/de/paid?x=1").status_code == 202


def test_an_origin_without_a_path_is_good(purchase):
    assert purchase.confirm("tok_action", return_url="https://shop.example").status_code == 202


@pytest.mark.parametrize("method", ["4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "ab", "x" * 121])
def test_a_card_number_is_refused(purchase, method):
    assert purchase.confirm(method).status_code == 400
    assert purchase.payment.attempts.count() == 0


@pytest.mark.parametrize("field", ["amount", "total_minor", "state", "provider", "confirmed", "closed_by", "user_id"])
def test_nothing_else_can_be_set(purchase, field):
    answer = purchase.confirm("tok_success", **{field: 1})
    assert answer.status_code == 400
    assert purchase.payment.attempts.count() == 0


@pytest.mark.parametrize(
    ("content_type", "status"), [("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("text/xml", 415)]
)
def test_other_content_types_are_refused(purchase, content_type, status):
    path = f"/api/v1/payments/{purchase.payment_id}/confirm"
    headers = purchase.headers | {"Idempotency-Key": "k"}
    answer = purchase.api.post(path, b"payment_method=tok_success", content_type=content_type, headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"\xff"])
def test_a_body_that_is_no_object_is_400(purchase, body):
    path = f"/api/v1/payments/{purchase.payment_id}/confirm"
    headers = purchase.headers | {"Idempotency-Key": "k"}
    answer = purchase.api.post(path, body, content_type="application/json", headers=headers)
    assert answer.status_code == 400


def test_reading_a_payment_costs_a_constant_number_of_statements(purchase, statements):
    purchase.pay("tok_decline")
    with statements() as few:
        purchase.shown()
    for _ in range(3):
        purchase.pay("tok_decline")
    purchase.pay("tok_success").say("confirmed", repeat=0)
    for _ in range(3):
        purchase.ask_refund(10)
    with statements() as many:
        purchase.shown()
    assert len(many) == len(few) <= 6, many


def test_the_staff_list_costs_a_constant_number_of_statements(purchase, api, statements):
    finance = bearer(uuid4(), ["finance"])
    purchase.pay("tok_decline")
    with statements() as few:
        assert len(api.get("/api/v1/staff/payments", headers=finance).json()["data"]) == 1
    for _ in range(4):
        other = Purchase(api, purchase.provider, purchase.listener, user_id=uuid4()).request()
        other.pay("tok_success").say("confirmed", repeat=0)
        other.ask_refund(10)
    with statements() as many:
        assert len(api.get("/api/v1/staff/payments", headers=finance).json()["data"]) == 5
    assert len(many) == len(few) <= 6, many


def test_staff_alone_see_all_payments(purchase, api):
    for headers, status in [
        ({}, 401),
        (purchase.headers, 403),
        (bearer(uuid4(), ["catalog"]), 403),
        (bearer(uuid4(), ["support"]), 200),
        (bearer(uuid4(), ["finance"]), 200),
    ]:
        assert api.get("/api/v1/staff/payments", headers=headers).status_code == status


def test_staff_find_by_number_state_and_failed_refund(purchase, api):
    finance = bearer(uuid4(), ["finance"])
    other = Purchase(api, purchase.provider, purchase.listener, user_id=uuid4()).request()
    other.pay("tok_refund_fails").say("confirmed", repeat=0)
    other.ask_refund(10)
    other.ask_refund(20)

    def found(**query):
        rows = api.get("/api/v1/staff/payments", query, headers=finance).json()["data"]
        return [row["order_number"] for row in rows]

    assert found() == [other.number, purchase.number]
    assert found(order_number=purchase.number) == [purchase.number]
    assert found(state="captured") == [other.number]
    assert found(refund_failed="true") == [other.number]
    assert found(refund_failed="false") == [other.number, purchase.number]
    assert found(limit=1) == [other.number]
    assert api.get("/api/v1/staff/payments", {"nonsense": 1}, headers=finance).status_code == 400


def test_case_19_a_person_retries_a_failed_refund(purchase, api):
    purchase.pay("tok_refund_fails").say("confirmed", repeat=0)
    refund_id = purchase.ask_refund(2999)
    path = f"/api/v1/staff/payments/{purchase.payment_id}/refunds/{refund_id}/retry"
    finance = bearer(uuid4(), ["finance"])
    assert api.post(path, headers=purchase.headers).status_code == 403
    assert api.post(path, headers=bearer(uuid4(), ["support"])).status_code == 403
    assert api.post(path, headers=bearer(uuid4(), ["finance"], auth_time=0)).json()["code"] == "login_too_old"
    assert purchase.said()[-1] == "refund_failed"

    answer = api.post(path, headers=finance)

    assert answer.status_code == 200, answer.json()
    assert purchase.said()[-2:] == ["refund_failed", "refunded"]
    assert purchase.kept() == 10000
    again = api.post(path, headers=finance)
    assert (again.status_code, again.json()["code"]) == (409, "refund_not_failed")
    assert api.post(path.replace(str(refund_id), str(uuid4())), headers=finance).status_code == 404


def test_amounts_keep_their_currencys_exponent(api, connected, eager_tasks, provider, listener):
    yen = Purchase(api, provider, listener, user_id=uuid4(), currency="JPY").request()
    yen.pay("tok_success").say("confirmed", repeat=0)
    assert yen.shown()["amount"]["exponent"] == 0
    assert (yen.intents()[0]["amount"], yen.intents()[0]["currency"]) == (12999, "JPY")


def test_a_payment_belongs_to_one_order(purchase):
    assert Payment.objects.count() == 1
    purchase.request()
    assert Payment.objects.count() == 1


def test_ten_attempts_are_enough(purchase):
    for _ in range(10):
        purchase.pay("tok_decline")
    answer = purchase.confirm("tok_success")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_attempts")
    assert purchase.payment.attempts.count() == 10


def test_what_was_refused_for_good_is_not_tried_again(purchase):
    purchase.pay("tok_fraudulent")
    answer = purchase.confirm("tok_success")
    assert (answer.status_code, answer.json()["code"]) == (409, "payment_refused")
    assert purchase.payment.attempts.count() == 1


def test_a_redirect_may_be_long(purchase):
    purchase.pay("tok_action")
    long = "https://bank.example/" + "x" * 2000
    Attempt.objects.update(redirect_url=long)
    assert purchase.shown()["next_action"]["url"] == long


def test_the_rows_are_counted_when_the_web_process_is_scraped(purchase, api):
    def figures() -> dict[str, float]:
        lines = api.get("/metrics").content.decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    purchase.pay("tok_refund_fails").say("confirmed", repeat=0)
    purchase.ask_refund(10)
    other = Purchase(api, purchase.provider, purchase.listener, user_id=uuid4()).request()
    other.pay("tok_timeout_done")
    other.payment.attempts.create(number=2, payment_method="tok_success", state="surplus", created_at=other.expires_at)
    shown = figures()
    assert shown['payments_by_state{state="captured"}'] == shown['payments_by_state{state="sent"}'] == 1
    assert shown['payments_by_state{state="voided"}'] == 0
    for name in ("payments_refunds_failed", "payments_surplus_open", "payments_operations_unknown"):
        assert shown[name] == 1, name
    assert not [name for name in shown if name.startswith(("payments_total", "payment_alarms"))]
