"""One Idempotency-Key, one effect: repeated, with another body, in flight, failed, killed."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from auth_jwt.testing import bearer
from chassis.models import IdempotentRequest
from chassis.tasks import forget_old_requests
from conftest import THINGS, kill_connection
from django.utils import timezone
from project.models import Thing


@pytest.fixture
def post(api):
    """POST with a key, as one user."""
    me = bearer(uuid4())

    def send(name="a", key="k", path=THINGS, who=me):
        return api.post(path, {"name": name}, headers={**who, **({"Idempotency-Key": key} if key else {})})

    return send


def test_a_repeat_gets_the_first_answer_and_has_no_effect(post):
    first, again = post(), post()
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Location"] == first["Location"]
    assert again["ETag"] == first["ETag"]
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert Thing.objects.count() == 1


def test_another_key_another_user_another_route_and_no_key_are_other_requests(post):
    post()
    post(key="other")
    post(who=bearer(uuid4()))
    post(path="/api/v1/careful")
    post(key=None)
    post(key=None)
    assert Thing.objects.count() == 6


def test_another_body_under_the_same_key_is_a_422(post):
    post()
    answer = post(name="b")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Thing.objects.count() == 1


def test_a_key_that_is_required_is_asked_for(post):
    answer = post(path="/api/v1/careful", key=None)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


@pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
def test_an_odd_key_is_a_400(post, key):
    assert post(key=key).json()["code"] == "idempotency_key_invalid"


def test_the_longest_key_is_kept(post):
    assert post(key="x" * 255).status_code == 201
    assert post(key="x" * 255)["Idempotent-Replayed"]


def test_long_paths_that_begin_alike_are_different_routes(post):
    for last in "ab":
        post(path=f"{THINGS}?{'x' * 200}{last}")
    assert Thing.objects.count() == 1, "a query is no part of the route"


def test_a_twin_in_flight_is_refused_at_once_and_later_replayed(post, moods, in_thread):
    inside, go_on = threading.Event(), threading.Event()
    moods["a"] = lambda: (inside.set(), go_on.wait(20))
    first = in_thread(post)
    assert inside.wait(20)
    twin, other_key = post(), in_thread(post, "b", "another")
    assert (twin.status_code, twin.json()["code"]) == (409, "request_in_flight")
    assert twin["Retry-After"] == "1"
    assert other_key.result(20).status_code == 201, "another key does not wait"
    go_on.set()
    assert first.result(20).status_code == 201
    assert post()["Idempotent-Replayed"] == "true"


def test_fifty_at_once_have_one_effect(post, in_thread):
    answers = [in_thread(post) for _ in range(50)]
    statuses = {answer.result(60).status_code for answer in answers}
    assert statuses <= {201, 409}
    assert 201 in statuses
    assert Thing.objects.count() == 1


@pytest.mark.parametrize("error", [RuntimeError, KeyError])
def test_a_failure_keeps_nothing_and_the_repeat_is_done(post, moods, error):
    def fail():
        raise error("later")

    moods["a"] = fail
    assert post().status_code == 500
    assert not Thing.objects.exists()
    assert not IdempotentRequest.objects.exists()
    moods.clear()
    assert post().status_code == 201


def test_a_refusal_is_decided_anew(post):
    assert post(name="x" * 41).status_code == 400
    assert post(name="y").status_code == 201


def test_a_connection_killed_between_effect_and_record_leaves_neither(post, moods):
    moods["a"] = kill_connection
    answer = post()
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "database_unavailable", "2")
    assert not Thing.objects.exists()
    assert not IdempotentRequest.objects.exists()
    moods.clear()
    answer = post()
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer


def test_records_are_forgotten_after_a_day_in_batches(post, monkeypatch):
    monkeypatch.setattr("chassis.tasks.BATCH", 2)
    for number in range(6):
        post(key=f"k{number}")
    IdempotentRequest.objects.exclude(key="k0").update(created_at=timezone.now() - timedelta(hours=25))
    assert forget_old_requests() == 5
    assert [kept.key for kept in IdempotentRequest.objects.all()] == ["k0"]
