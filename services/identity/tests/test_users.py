"""One's account and addresses, and what staff may do with them."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from identity.models import Address, User
from outbox.testing import capture_events

from tests.conftest import PASSWORD

BERLIN = {"name": "Mira", "line1": "Torstraße 1", "city": "Berlin", "postal_code": "10119", "country": "DE"}


def test_a_name_is_changed_against_the_version_that_was_read(client, shopper, bearer_of):
    headers = bearer_of()
    etag = client.get("/api/v1/users/me", headers=headers)["ETag"]
    assert client.patch("/api/v1/users/me", {"name": "M."}, headers=headers).status_code == 428
    with capture_events() as events:
        changed = client.patch("/api/v1/users/me", {"name": "M."}, headers={**headers, "If-Match": etag})
    assert changed.json()["name"] == "M."
    assert [event.data["name"] for event in events] == ["M."]
    stale = client.patch("/api/v1/users/me", {"name": "X"}, headers={**headers, "If-Match": etag})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")


@pytest.mark.parametrize("field", ["email", "roles", "is_staff", "status", "id"])
def test_nobody_promotes_themselves(client, shopper, bearer_of, field):
    headers = {**bearer_of(), "If-Match": "*"}
    answer = client.patch("/api/v1/users/me", {field: ["admin"]}, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_field")


def test_an_address_is_checked_by_its_country(client, shopper, bearer_of):
    headers = bearer_of()
    assert client.post("/api/v1/users/me/addresses", BERLIN, headers=headers).status_code == 201
    wrong = client.post("/api/v1/users/me/addresses", {**BERLIN, "postal_code": "1234"}, headers=headers)
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["pointer"] == "#/postal_code"
    assert Address.objects.count() == 1


def test_someone_elses_address_is_not_there(client, shopper, bearer_of):
    other = User.objects.create_user("other@example.com", PASSWORD, status="active")
    address = Address.objects.create(user=other, name="O", line1="x", country="DE")
    headers = {**bearer_of(), "If-Match": "*"}
    for method in ("get", "delete"):
        assert getattr(client, method)(f"/api/v1/users/me/addresses/{address.id}", headers=headers).status_code == 404
    assert Address.objects.count() == 1


def test_an_erased_person_leaves_nothing_but_an_id(client, shopper, bearer_of):
    headers = bearer_of()
    client.post("/api/v1/users/me/addresses", BERLIN, headers=headers)
    with capture_events() as events:
        assert client.delete("/api/v1/users/me", headers=headers).status_code == 204
    assert set(events[0].data) == {"id", "erased_at"}
    row = User.objects.get(pk=shopper.id)
    assert "mira" not in (row.email + row.name).lower()
    assert not Address.objects.exists()


def test_a_role_is_granted_by_command_and_then_opens_the_staff_api(client, shopper, bearer_of):
    assert client.get("/api/v1/staff/users", headers=bearer_of()).status_code == 403
    call_command("grant_role", shopper.email, "support")
    listed = client.get("/api/v1/staff/users", headers=bearer_of())
    assert listed.status_code == 200
    assert [user["email"] for user in listed.json()["data"]] == [shopper.email]


def test_a_disabled_account_is_refused_everywhere(client, shopper, bearer_of, login):
    admin = User.objects.create_user("admin@example.com", PASSWORD, status="active", roles=["admin"])
    headers = {**bearer_of(email=admin.email), "If-Match": "*"}
    with capture_events() as events:
        answer = client.patch(f"/api/v1/staff/users/{shopper.id}", {"status": "disabled"}, headers=headers)
    assert answer.status_code == 200
    assert events[0].data["status"] == "disabled"
    assert login().status_code == 401


def test_pages_are_walked_by_cursor_without_repeats(client, shopper, bearer_of):
    User.objects.filter(pk=shopper.pk).update(roles=["support"])
    for n in range(5):
        User.objects.create_user(f"u{n}@example.com", None, status="active")
    headers, seen, cursor = bearer_of(), [], ""
    while cursor is not None:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        answer = client.get("/api/v1/staff/users", query, headers=headers).json()
        seen += [user["id"] for user in answer["data"]]
        cursor = answer["next_cursor"]
    assert len(seen) == len(set(seen)) == 6
    assert client.get("/api/v1/staff/users", {"cursor": "x"}, headers=headers).json()["code"] == "invalid_cursor"
    assert client.get("/api/v1/staff/users", {"colour": "x"}, headers=headers).status_code == 400


def test_support_does_not_disable_an_admin_nor_wave_through_an_unproven_address(client, shopper, bearer_of):
    User.objects.filter(pk=shopper.pk).update(roles=["support"])
    admin = User.objects.create_user("admin@example.com", PASSWORD, status="active", roles=["admin"])
    unproven = User.objects.create_user("new@example.com", PASSWORD)
    headers = {**bearer_of(), "If-Match": "*"}
    refused = client.patch(f"/api/v1/staff/users/{admin.id}", {"status": "disabled"}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "admin_required")
    refused = client.patch(f"/api/v1/staff/users/{unproven.id}", {"status": "active"}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_verified")


def test_an_erased_users_token_does_nothing_any_more(client, shopper, bearer_of):
    headers = bearer_of()
    assert client.delete("/api/v1/users/me", headers=headers).status_code == 204
    assert client.post("/api/v1/users/me/addresses", BERLIN, headers=headers).status_code == 401
