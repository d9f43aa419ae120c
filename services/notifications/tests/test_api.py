"""The inbox, preferences, unsubscribing and the staff pages, over HTTP."""

from __future__ import annotations

from uuid import uuid4

import pytest
from auth_jwt.testing import bearer
from django.core import mail
from django.utils import timezone
from notifications.models import Delivery

from tests.conftest import MIRA, PARCEL, Order, user_event

ME, STAFF = lambda: bearer(MIRA), lambda: bearer(uuid4(), ["support"])
CHOICES = {"language": "ja", "order_updates": {"email": False}, "marketing": {"email": True}}


@pytest.fixture
def mira(api, eager_tasks) -> Order:
    """An order of Mira's, confirmed and shipped."""
    user_event("registered")
    order = Order(user_id=MIRA).place()
    order.say("order.paid")
    order.say("order.shipped", **PARCEL)
    return order


def test_the_inbox_tells_the_same_as_the_mails_newest_first(api, mira):
    inbox = api.get("/api/v1/notifications", headers=ME()).json()
    assert [line["title"] for line in inbox["data"]] == [message.subject for message in reversed(mail.outbox)]
    assert (inbox["unread_count"], inbox["has_more"]) == (3, False)
    assert inbox["data"][0]["text"] == "Good news: your parcel has left our warehouse. It contains:"


def test_the_inbox_is_walked_by_cursor(api, mira):
    seen, cursor = [], None
    while True:
        page = api.get(
            "/api/v1/notifications", {"limit": 1, **({"cursor": cursor} if cursor else {})}, headers=ME()
        ).json()
        seen += [line["template"] for line in page["data"]]
        if not (cursor := page["next_cursor"]):
            break
    assert seen == ["order_shipped", "order_confirmed", "order_received"]


def test_reading_counts_once(api, mira):
    line = api.get("/api/v1/notifications", headers=ME()).json()["data"][0]
    path = f"/api/v1/notifications/{line['id']}/read"
    first, again = api.post(path, headers=ME()), api.post(path, headers=ME())
    assert first.status_code == again.status_code == 200
    assert first.json()["read_at"] == again.json()["read_at"] is not None
    unread = api.get("/api/v1/notifications", {"unread": "true"}, headers=ME()).json()
    assert (len(unread["data"]), unread["unread_count"]) == (2, 2)
    assert len(api.get("/api/v1/notifications", {"unread": "false"}, headers=ME()).json()["data"]) == 1


def test_someone_elses_inbox_is_not_there(api, mira):
    line = api.get("/api/v1/notifications", headers=ME()).json()["data"][0]
    other = bearer(uuid4())
    assert api.get("/api/v1/notifications", headers=other).json()["data"] == []
    assert api.post(f"/api/v1/notifications/{line['id']}/read", headers=other).status_code == 404
    assert Delivery.objects.get(pk=line["id"]).read_at is None


def test_a_mail_is_no_line_of_the_inbox(api, mira):
    assert api.post(f"/api/v1/notifications/{mira.mail('order_shipped').pk}/read", headers=ME()).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "notifications"),
        ("post", f"notifications/{MIRA}/read"),
        ("get", "notification-preferences"),
        ("put", "notification-preferences"),
        ("get", "staff/deliveries"),
        ("get", f"staff/deliveries/{MIRA}"),
        ("post", f"staff/deliveries/{MIRA}/retry"),
    ],
)
def test_nobody_comes_in_without_a_token_and_only_support_to_staff_pages(api, method, path):
    call = getattr(api, method)
    assert call(f"/api/v1/{path}").status_code == 401
    if path.startswith("staff"):
        for roles in ([], ["catalog", "fulfilment", "finance"]):
            assert call(f"/api/v1/{path}", headers=bearer(MIRA, roles)).status_code == 403


def test_preferences_begin_with_updates_on_and_marketing_off(api):
    answer = api.get("/api/v1/notification-preferences", headers=ME()).json()
    assert answer == {"email": None, "language": None, "order_updates": {"email": True}, "marketing": {"email": False}}


def test_preferences_are_replaced_and_survive_a_change_of_the_account(api):
    assert api.put("/api/v1/notification-preferences", CHOICES, headers=ME()).status_code == 200
    user_event("registered")
    user_event("changed", version=7)
    answer = api.get("/api/v1/notification-preferences", headers=ME()).json()
    assert answer == {"email": "mira.devries@example.com", **CHOICES}


@pytest.mark.parametrize(
    "wrong",
    [
        {**CHOICES, "language": "xx"},
        {**CHOICES, "sms": {"email": True}},
        {**CHOICES, "marketing": {"email": True, "sms": True}},
        {**CHOICES, "marketing": True},
        {"language": "de"},
    ],
)
def test_wrong_preferences_are_refused(api, wrong):
    answer = api.put("/api/v1/notification-preferences", wrong, headers=ME())
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_who_wants_no_updates_still_gets_confirmations_in_their_language(api, eager_tasks):
    api.put("/api/v1/notification-preferences", CHOICES, headers=ME())
    order = Order(user_id=MIRA).place()
    order.say("order.paid")
    order.say("order.shipped", **PARCEL)
    assert [message.subject for message in mail.outbox] == [
        f"ご注文 {order.number} を承りました",
        f"ご注文 {order.number} が確定しました",
    ]
    assert order.mail("order_shipped").reason == "unsubscribed"
    assert api.get("/api/v1/notifications", headers=ME()).json()["unread_count"] == 3


def link_of(message) -> str:
    return message.extra_headers["List-Unsubscribe"].strip("<>").partition("/api/")[2]


def test_one_click_ends_updates_for_an_account(api, mira):
    link = f"/api/{link_of(mail.outbox[-1])}"
    asked = api.get(link, headers={"Accept": "text/html"})
    assert (asked.status_code, asked["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b'<form method="post">' in asked.content
    assert api.get("/api/v1/notification-preferences", headers=ME()).json()["order_updates"] == {"email": True}
    clicked = api.post(link, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert clicked.status_code == 200
    assert "Done" in clicked.content.decode()
    assert api.get("/api/v1/notification-preferences", headers=ME()).json()["order_updates"] == {"email": False}


def test_one_click_ends_a_guests_updates_about_that_order_alone(api, order):
    other = Order().place()
    order.say("order.shipped", **PARCEL)
    api.post(f"/api/{link_of(mail.outbox[-1])}")
    order.say("order.delivered", shipment_id=PARCEL["shipment_id"])
    other.say("order.delivered", shipment_id=str(uuid4()))
    assert order.mail("order_delivered").reason == "unsubscribed"
    assert other.mail("order_delivered").state == "sent"


@pytest.mark.parametrize("token", ["x", f"{MIRA}:forged", "%00", "a:b:c"])
def test_a_link_that_is_not_ours_is_not_there(api, token):
    for answer in (api.get(f"/api/v1/unsubscribe/{token}"), api.post(f"/api/v1/unsubscribe/{token}")):
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("chosen", "templates"),
    [
        (
            {},
            [
                "order_shipped",
                "order_shipped",
                "order_confirmed",
                "order_confirmed",
                "order_received",
                "order_received",
            ],
        ),
        ({"template": "order_confirmed", "state": "sent"}, ["order_confirmed", "order_confirmed"]),
        ({"recipient": "Mira.deVries@example.com"}, ["order_shipped", "order_confirmed", "order_received"]),
        ({"state": "failed"}, []),
        ({"order_number": "CB-0000000000"}, []),
    ],
)
def test_staff_find_deliveries(api, mira, chosen, templates):
    answer = api.get("/api/v1/staff/deliveries", chosen, headers=STAFF())
    assert [row["template"] for row in answer.json()["data"]] == templates


def test_staff_find_an_orders_deliveries_and_see_one_whole(api, mira):
    Order().place()
    listed = api.get("/api/v1/staff/deliveries", {"order_number": mira.number}, headers=STAFF()).json()["data"]
    assert len(listed) == 6
    shipped = mira.mail("order_shipped")
    whole = api.get(f"/api/v1/staff/deliveries/{shipped.pk}", headers=STAFF()).json()
    assert (whole["state"], whole["attempts"], whole["context"]["carrier"]) == ("sent", 1, "PostNL")
    assert api.get("/api/v1/staff/deliveries", {"colour": "red"}, headers=STAFF()).status_code == 400
    assert api.get(f"/api/v1/staff/deliveries/{uuid4()}", headers=STAFF()).status_code == 404


def test_staff_send_again_what_failed_or_did_not_arrive_and_nothing_else(api, mira):
    confirmed = mira.mail("order_confirmed")
    Delivery.objects.filter(pk=confirmed.pk).update(state="failed", attempts=10, sent_at=None)
    path = f"/api/v1/staff/deliveries/{confirmed.pk}/retry"
    assert api.post(path, headers=bearer(uuid4(), ["support"], auth_time=0)).status_code == 403
    assert api.post(path, headers=STAFF()).json()["attempts"] == 0
    confirmed.refresh_from_db()
    assert (confirmed.state, len(mail.outbox)) == ("sent", 4)
    assert api.post(path, headers=STAFF()).status_code == 200, "the buyer says that it did not arrive"
    assert len(mail.outbox) == 5
    Delivery.objects.filter(pk=confirmed.pk).update(state="pending", next_try_at=timezone.now())
    again = api.post(path, headers=STAFF())
    assert (again.status_code, again.json()["code"]) == (409, "not_finished")
    assert api.post(f"/api/v1/staff/deliveries/{uuid4()}/retry", headers=STAFF()).status_code == 404


@pytest.mark.parametrize(
    ("path", "headers"), [("notifications", ME), ("staff/deliveries", STAFF), ("notification-preferences", ME)]
)
def test_answers_cost_few_statements_however_long_they_are(api, mira, statements, path, headers):
    sent = headers()
    with statements() as few:
        api.get(f"/api/v1/{path}", headers=sent)
    for _ in range(5):
        Order(user_id=MIRA).place()
    with statements() as many:
        api.get(f"/api/v1/{path}", headers=sent)
    assert len(many) <= len(few) <= 6


def test_metrics_count_what_is_open(api, mira):
    Delivery.objects.filter(template="order_confirmed", channel="email").update(state="failed")
    Delivery.objects.filter(template="order_received", channel="email").update(
        state="pending", next_try_at=timezone.now()
    )
    scraped = api.get("/metrics").content.decode()
    assert 'notifications_deliveries_open{state="failed"} 1.0' in scraped
    assert 'notifications_deliveries_open{state="pending"} 1.0' in scraped
    assert 'notifications_deliveries_total{result="sent",template="order_shipped"}' in scraped
