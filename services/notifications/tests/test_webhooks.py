"""Merchants' systems: told once, signed, tried again, left alone while they fail, and never inside our own network."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Event, Thread
from uuid import uuid4

import pytest
import trustme
from auth_jwt.testing import bearer
from django.db import connection
from django.utils import timezone
from notifications import merchants
from notifications.consumers import HANDLERS
from notifications.domain.webhooks import EVENTS, event_name
from notifications.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from notifications.tasks import forget_webhooks, retry_webhooks
from notifications.use_cases import endpoints, webhooks
from standardwebhooks import Webhook

from tests.conftest import MIRA, Order, user_event

ENDPOINTS = "/api/v1/staff/webhook-endpoints"


class Merchant:
    """A merchant's system: it keeps what it is told and answers as `status` says."""

    def __init__(self) -> None:
        self.told: list[tuple[dict[str, str], str]] = []
        self.status = 204
        merchant = self

        class Receive(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                merchant.told.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(merchant.status)
                self.send_header("Location", f"http://127.0.0.1:{merchant.port}/elsewhere")
                self.end_headers()

            def log_message(self, *args) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Receive)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hooks?shop=1"
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def events(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.told]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def merchant(settings, db, eager_tasks) -> Iterator[Merchant]:
    settings.WEBHOOKS_PRIVATE_NETWORKS = ["127.0.0.1/32"]
    found = Merchant()
    yield found
    found.close()


def endpoint(url: str, *events: str) -> WebhookEndpoint:
    return endpoints.add_endpoint(url=url, description="", events=list(events))


def admin(**claims) -> dict[str, str]:
    return bearer(uuid4(), ["admin"], **claims)


def owed_again(delivery: WebhookDelivery) -> WebhookDelivery:
    """Its wait, and its endpoint's, is over."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(next_try_at=timezone.now())
    WebhookEndpoint.objects.update(paused_until=None)
    retry_webhooks()
    delivery.refresh_from_db()
    return delivery


def test_a_merchant_is_told_what_happened_signed_and_once(merchant):
    secret = endpoint(merchant.url).secret
    order = Order().place()
    id = str(uuid4())
    assert order.say("order.paid", id=id) and not order.say("order.paid", id=id)
    assert merchant.events == ["order.placed", "order.paid"]
    headers, body = merchant.told[1]
    said = Webhook(secret).verify(body, headers)
    assert (said["id"], said["type"], said["data"]["order_number"]) == (id, "order.paid", order.number)
    assert headers["webhook-id"] == str(WebhookDelivery.objects.get(event="order.paid").pk)
    assert headers["host"] == f"127.0.0.1:{merchant.port}"


def test_only_chosen_events_are_told_and_a_question_asked_again_is_not(merchant):
    endpoint(merchant.url, "order.placed")
    order = Order().place()
    order.say("order.paid")
    order.place(repeat=1)
    assert merchant.events == ["order.placed"]


def test_every_event_that_is_offered_is_told():
    assert {event_name(type) for type in HANDLERS if not type.startswith("crossborder.user.")} == set(EVENTS)


def test_a_merchant_that_fails_is_tried_again_and_every_attempt_is_kept(merchant):
    row = endpoint(merchant.url)
    merchant.status = 503
    Order().place()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.last_error) == ("pending", 1, "answered 503")
    assert delivery.next_try_at > timezone.now() + timedelta(seconds=20)
    merchant.status = 200
    assert owed_again(delivery).state == "sent"
    assert list(WebhookAttempt.objects.values_list("number", "status")) == [(1, 503), (2, 200)]
    row.refresh_from_db()
    assert (row.failures, row.paused_until) == (0, None)
    first, second = (headers["webhook-id"] for headers, _ in merchant.told)
    assert first == second, "one that took the first can tell that it is the same"


def test_a_merchant_that_fails_is_left_alone_for_a_while(merchant):
    row = endpoint(merchant.url)
    merchant.status = 500
    Order().place()
    Order().place()
    retry_webhooks()
    assert len(merchant.told) == 1, "the second message waits too"
    row.refresh_from_db()
    assert row.failures == 1 and row.paused_until > timezone.now()
    merchant.status = 200
    WebhookEndpoint.objects.update(paused_until=None)
    WebhookDelivery.objects.update(next_try_at=timezone.now())
    retry_webhooks()
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"sent"}


def test_after_the_last_attempt_a_person_decides(merchant, api):
    endpoint(merchant.url)
    merchant.status = 404
    Order().place()
    WebhookDelivery.objects.update(attempts=15)
    delivery = owed_again(WebhookDelivery.objects.get())
    assert (delivery.state, delivery.next_try_at) == ("failed", None)
    merchant.status = 200
    WebhookEndpoint.objects.update(paused_until=None)
    answer = api.post(f"/api/v1/staff/webhook-deliveries/{delivery.pk}/retry", headers=admin())
    assert answer.status_code == 200
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("sent", 1)


def test_a_merchant_that_says_gone_is_told_no_more(merchant):
    row = endpoint(merchant.url)
    merchant.status = 410
    Order().place()
    row.refresh_from_db()
    assert (row.active, WebhookDelivery.objects.get().state) == (False, "failed")
    merchant.status = 200
    Order().place()
    assert len(merchant.told) == 1


def test_a_redirect_is_not_followed(merchant):
    endpoint(merchant.url)
    merchant.status = 307
    Order().place()
    assert [delivery.last_error for delivery in WebhookDelivery.objects.all()] == ["answered 307"]
    assert len(merchant.told) == 1


def test_nothing_is_posted_into_our_own_network(merchant, settings):
    settings.WEBHOOKS_PRIVATE_NETWORKS = []
    for url in (merchant.url, f"http://localhost:{merchant.port}/", f"http://[::ffff:127.0.0.1]:{merchant.port}/"):
        endpoint(url)
    Order().place()
    assert merchant.told == []
    assert all("not a public address" in delivery.last_error for delivery in WebhookDelivery.objects.all())


def test_a_merchant_that_answers_byte_by_byte_does_not_keep_a_worker(merchant, monkeypatch):
    monkeypatch.setattr(merchants, "LONGEST", 0.5)

    def trickle(handler) -> None:
        try:
            for _ in range(300):  # each byte in time, the whole never
                handler.wfile.write(b"H")
                handler.wfile.flush()
                stopped.wait(0.02)
        except OSError:
            pass

    stopped = Event()
    monkeypatch.setattr(merchant.server.RequestHandlerClass, "do_POST", trickle)
    answer = merchants.post(merchant.url, body="{}", headers={})
    stopped.set()
    assert (answer.status, answer.error) == (None, "TimeoutError: no answer within 0.5 s")
    assert answer.took_ms < 2000


def test_a_host_that_is_not_there_is_an_answer_too(merchant):
    endpoint("https://merchant.invalid/hooks")
    Order().place()
    assert WebhookDelivery.objects.get().last_error.startswith("gaierror")


def test_the_certificate_must_be_for_the_name_although_the_connection_goes_to_the_address(
    merchant, settings, monkeypatch
):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    merchant.server.socket = context.wrap_socket(merchant.server.socket, server_side=True)
    settings.WEBHOOKS_PRIVATE_NETWORKS = ["127.0.0.1/32", "::1/128"]
    with authority.cert_pem.tempfile() as trusted:
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        merchants._certificates.cache_clear()
        right = merchants.post(f"https://localhost:{merchant.port}/", body="{}", headers={})
        wrong = merchants.post(f"https://127.0.0.1:{merchant.port}/", body="{}", headers={})
    merchants._certificates.cache_clear()
    unknown = merchants.post(f"https://localhost:{merchant.port}/", body="{}", headers={})
    assert right.delivered, right.error
    assert wrong.status is None and "CERTIFICATE_VERIFY_FAILED" in wrong.error
    assert unknown.status is None and "CERTIFICATE_VERIFY_FAILED" in unknown.error
    assert len(merchant.told) == 1


def test_of_many_senders_one_posts(merchant):
    endpoint(merchant.url)
    Order().place()
    WebhookDelivery.objects.update(state="pending", attempts=0, next_try_at=timezone.now())
    delivery, start = WebhookDelivery.objects.get(), Barrier(6)

    def post() -> str:
        start.wait()
        try:
            return webhooks.post(delivery_id=delivery.pk, now=timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        states = [future.result() for future in [pool.submit(post) for _ in range(6)]]
    assert sorted(states) == ["", "", "", "", "", "sent"]
    assert len(merchant.told) == 2


def test_a_sender_that_died_is_replaced_when_its_claim_is_over(merchant):
    endpoint(merchant.url)
    Order().place()
    long_ago = timezone.now() - timedelta(minutes=5)
    WebhookDelivery.objects.update(state="sending", next_try_at=long_ago, sent_at=None)
    retry_webhooks()
    assert (WebhookDelivery.objects.get().state, len(merchant.told)) == ("sent", 2)


def test_a_user_who_is_erased_leaves_no_message(merchant):
    merchant.status = 500
    endpoint(merchant.url)
    user_event("registered")
    Order(user_id=MIRA).place()
    user_event("erased")
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.body) == ("suppressed", "")


def test_old_messages_are_forgotten(merchant):
    endpoint(merchant.url)
    Order().place()
    assert forget_webhooks() == 0
    WebhookDelivery.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert forget_webhooks() == 1
    assert not WebhookAttempt.objects.exists()


def test_staff_add_an_endpoint_and_see_its_secret_once(merchant, api):
    answer = api.post(ENDPOINTS, {"url": merchant.url, "events": ["order.paid"]}, headers=admin())
    assert answer.status_code == 201 and answer.json()["secret"].startswith("whsec_")
    path = f"{ENDPOINTS}/{answer.json()['id']}"
    assert "secret" not in api.get(path, headers=admin()).json()
    assert "secret" not in api.get(ENDPOINTS, headers=admin()).json()["data"][0]
    test = api.post(f"{path}/test", headers=admin())
    assert test.status_code == 202
    shown = api.get(test["Location"], headers=admin()).json()
    assert (shown["state"], shown["event"], shown["log"][0]["status"]) == ("sent", "webhook.test", 204)


def test_a_rotated_secret_signs_beside_the_one_before_for_a_day(merchant, api):
    made = api.post(ENDPOINTS, {"url": merchant.url}, headers=admin())
    path = f"{ENDPOINTS}/{made.json()['id']}"
    assert api.post(f"{path}/rotate-secret", headers=admin()).status_code == 428
    rotated = api.post(f"{path}/rotate-secret", headers=admin() | {"If-Match": made["ETag"]})
    before, after = made.json()["secret"], rotated.json()["secret"]
    assert before != after
    Order().place()
    headers, body = merchant.told[-1]
    assert Webhook(before).verify(body, headers) == Webhook(after).verify(body, headers)
    row = WebhookEndpoint.objects.get()
    assert row.secrets(timezone.now() + timedelta(hours=25)) == [after]


def test_an_endpoint_is_moved_turned_off_and_removed(merchant, api):
    made = api.post(ENDPOINTS, {"url": "https://wrong.example/hooks"}, headers=admin())
    path = f"{ENDPOINTS}/{made.json()['id']}"
    moved = api.patch(path, {"url": merchant.url}, headers=admin() | {"If-Match": made["ETag"]})
    assert moved.json()["url"] == merchant.url
    assert api.patch(path, {"active": False}, headers=admin() | {"If-Match": made["ETag"]}).status_code == 412
    off = api.patch(path, {"active": False}, headers=admin() | {"If-Match": moved["ETag"]})
    Order().place()
    assert merchant.told == []
    assert api.delete(path, headers=admin() | {"If-Match": off["ETag"]}).status_code == 204
    assert api.get(path, headers=admin()).status_code == 404


@pytest.mark.parametrize("url", ["http//x", "ftp://shop.example/", "https://user:pass@shop.example/", ""])
def test_an_address_that_is_none_is_refused_with_what_to_change(db, api, url):
    answer = api.post(ENDPOINTS, {"url": url}, headers=admin())
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "#/url"


def test_listing_costs_few_statements_however_much_there_is(merchant, api, statements):
    row = endpoint(merchant.url)
    sent = admin()
    Order().place()
    with statements() as few:
        api.get(f"/api/v1/staff/webhook-deliveries?endpoint_id={row.pk}", headers=sent)
    for _ in range(5):
        Order().place()
    with statements() as many:
        page = api.get(f"/api/v1/staff/webhook-deliveries?endpoint_id={row.pk}", headers=sent).json()
    assert len(page["data"]) == 6
    assert len(many) <= len(few) <= 6
