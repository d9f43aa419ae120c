"""What staff sees and does in the admin: masked payloads, settled rows, and who did it."""

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone
from outbox import parked
from outbox.conf import conf
from outbox.events import Record, encode_headers
from outbox.masking import masked
from outbox.models import InboxEntry, KeyBlock, OutboxEvent, ParkedEvent
from outbox.receiving import handle_one
from project import handlers
from project.models import Diary
from project.writing import COUNTED, count

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def two_parked():
    def broken() -> None:
        raise ValueError("the handler is broken")

    handlers.moods["a", 1] = broken
    for number in (1, 2):
        headers = encode_headers(
            id=f"id-{number}", type=COUNTED, source="/t", subject="", time=timezone.now(), schema="", sequence=number
        )
        value = json.dumps({"number": number, "name": "Ada Lovelace"}).encode()
        handle_one(Record("events", 0, number, "a", value, headers))
    yield list(ParkedEvent.objects.order_by("offset"))
    handlers.moods.clear()


def act(client, page, action, *rows):
    return client.post(f"/admin/outbox/{page}/", {"action": action, "_selected_action": [row.pk for row in rows]})


def test_a_payload_is_shown_without_what_is_personal(admin_client):
    count("a", text="Ada Lovelace, 12 St James's Square")
    page = admin_client.get(f"/admin/outbox/outboxevent/{OutboxEvent.objects.get().pk}/change/").content.decode()
    assert "Lovelace" not in page
    assert "&quot;number&quot;: 1" in page


def test_a_parked_payload_is_masked_too(admin_client, two_parked):
    page = admin_client.get(f"/admin/outbox/parkedevent/{two_parked[0].pk}/change/").content.decode()
    assert "Lovelace" not in page
    assert "&quot;number&quot;: 1" in page
    assert "the handler is broken" in page


def test_masking_keeps_shape_ids_dates_and_codes():
    harmless = {
        "id": "0190b6a4-7c3f-7000-8000-00805f9b34fb",
        "at": "2026-11-27T01:02:03.5Z",
        "currency": "EUR",
        "state": "pending_stock",
        "lines": [{"quantity": 2, "paid": True, "note": None}],
    }
    assert json.loads(masked(json.dumps(harmless))) == harmless
    assert json.loads(masked('{"name": "Ada", "mail": ["ada@example.org"]}')) == {"name": "…", "mail": ["…"]}
    assert masked(b"\xff\x00") == "2 bytes that are no JSON"
    assert masked(None) == ""


def test_retrying_a_parked_key_heals_it_in_order_and_is_audited(admin_client, two_parked):
    handlers.moods.clear()
    assert act(admin_client, "parkedevent", "retry", two_parked[0]).status_code == 302
    assert list(Diary.objects.order_by("id").values_list("number", flat=True)) == [1, 2]
    assert LogEntry.objects.get().change_message.startswith("Retried")


def test_only_the_first_of_a_key_can_be_discarded_and_that_is_audited(admin_client, two_parked):
    act(admin_client, "parkedevent", "discard", two_parked[1])
    assert ParkedEvent.objects.count() == 2
    assert not LogEntry.objects.exists()
    act(admin_client, "parkedevent", "discard", two_parked[0])
    assert list(ParkedEvent.objects.values_list("event_id", flat=True)) == ["id-2"]
    assert InboxEntry.objects.get().event_id == "id-1", "it counts as handled"
    assert LogEntry.objects.get().object_id == str(two_parked[0].pk)


def test_rows_are_never_added_edited_or_deleted_by_hand(admin_client):
    count("a")
    row = OutboxEvent.objects.get()
    KeyBlock.objects.create(topic=conf.TOPIC, key="a", lane=row.lane, until=None, attempts=1, error="too large")
    assert admin_client.get("/admin/outbox/outboxevent/add/").status_code == 403
    assert admin_client.post(f"/admin/outbox/outboxevent/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    admin_client.post(f"/admin/outbox/outboxevent/{row.pk}/change/", {"key": "other"})
    row.refresh_from_db()
    assert row.key == "a"
    assert admin_client.get("/admin/outbox/keyblock/").status_code == 200


def test_staff_without_the_right_to_change_cannot_settle(client, django_user_model, two_parked):
    client.force_login(django_user_model.objects.create_user("visitor", is_staff=True))
    assert act(client, "parkedevent", "discard", two_parked[0]).status_code == 403
    assert parked.mine().count() == 2
