"""Who may enter: roles, and logins of the last ten minutes."""

import time
from uuid import uuid4

import pytest
from auth_jwt.permissions import has_role
from auth_jwt.testing import bearer


def test_a_role_that_does_not_exist_is_noticed_when_the_view_is_written():
    with pytest.raises(ValueError, match="bookkeeper"):
        has_role("bookkeeper")


@pytest.mark.parametrize(
    ("roles", "status"), [(["finance"], 200), (["admin"], 200), (["support", "catalog"], 403), ([], 403), (["x"], 403)]
)
def test_a_door_opens_for_its_role_and_for_admin(client, roles, status):
    assert client.get("/finance", headers=bearer(uuid4(), roles)).status_code == status


def test_without_a_token_a_role_is_not_even_looked_at(client):
    answer = client.get("/finance")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("minutes", "status"), [(9, 200), (11, 403)])
def test_writing_needs_a_login_of_the_last_ten_minutes(client, minutes, status):
    answer = client.post("/fresh", headers=bearer(uuid4(), auth_time=int(time.time()) - 60 * minutes))
    assert answer.status_code == status
    if status == 403:
        assert "Log in again" in answer.json()["detail"]


def test_reading_asks_for_no_fresh_login(client):
    assert client.get("/fresh", headers=bearer(uuid4(), auth_time=0)).status_code == 200


def test_a_fresh_login_is_asked_of_nobody_but_they_are_turned_away(client):
    assert client.post("/fresh").status_code == 401
