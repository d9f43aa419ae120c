"""Logging in, staying logged in, and losing a token to somebody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from django.db import connections
from django.utils import timezone
from identity.models import RefreshToken, Session, SigningKey, User
from outbox.testing import capture_events

from tests.conftest import PASSWORD


def test_a_login_gives_five_minutes_of_access_signed_with_a_named_key(client, shopper, login):
    answer = login()
    assert answer.status_code == 200
    header = jwt.get_unverified_header(answer.json()["access"])
    claims = jwt.decode(answer.json()["access"], options={"verify_signature": False})
    assert header["alg"] == "ES256"
    assert header["kid"] == SigningKey.objects.get().kid
    assert claims["exp"] - claims["iat"] == 300
    assert (claims["sub"], claims["iss"], claims["aud"]) == (str(shopper.id), "crossborder-identity", "crossborder-api")
    assert claims["token_use"] == "access"
    assert {"sid", "jti", "auth_time", "roles"} <= set(claims)


def test_who_sends_an_expired_access_token_along_still_logs_in_and_refreshes(client, shopper, login):
    """As a storefront does that puts its token on every request."""
    client.credentials(HTTP_AUTHORIZATION="Bearer expired.or.not")
    tokens = login()
    assert tokens.status_code == 200
    answer = client.post("/api/v1/auth/token/refresh", {"refresh": tokens.json()["refresh"]})
    assert answer.status_code == 200


def test_the_key_set_shows_public_halves_only(client):
    keys = client.get("/.well-known/jwks.json").json()["keys"]
    assert [key["kid"] for key in keys] == [SigningKey.objects.get().kid]
    assert set(keys[0]) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


@pytest.mark.parametrize(
    "who",
    [{"password": "wrong-password-1"}, {"email": "nobody@example.com"}],
    ids=["wrong password", "unknown address"],
)
def test_wrong_password_and_unknown_address_are_the_same_401(client, shopper, login, who):
    answer = login(**who)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_credentials")


def test_an_operator_does_not_log_in_to_the_shop(client, login):
    User.objects.create_superuser("ops@example.com", PASSWORD)
    assert login(email="ops@example.com").status_code == 401


def test_after_five_failures_the_account_backs_off_and_then_lets_in_again(client, shopper, login, time_machine_at):
    for _ in range(6):
        login(password="wrong-password-1")
    refused = login()
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) >= 1
    with time_machine_at(minutes=16):
        assert login().status_code == 200


def test_a_refresh_works_once_and_its_later_reuse_ends_the_session(client, shopper, login, time_machine_at):
    first = login().json()["refresh"]
    second = client.post("/api/v1/auth/token/refresh", {"refresh": first})
    assert second.status_code == 200
    raced = client.post("/api/v1/auth/token/refresh", {"refresh": first})
    assert (raced.status_code, raced.json()["code"]) == (409, "refresh_raced")
    assert Session.objects.get().ended_at is None
    with time_machine_at(seconds=11):
        stolen = client.post("/api/v1/auth/token/refresh", {"refresh": first})
        assert (stolen.status_code, stolen.json()["code"]) == (401, "refresh_reused")
        family = client.post("/api/v1/auth/token/refresh", {"refresh": second.json()["refresh"]})
        assert (family.status_code, family.json()["code"]) == (401, "refresh_invalid")


def test_of_eight_parallel_refreshes_one_wins_and_nobody_is_logged_out(client, shopper, login):
    refresh = login().json()["refresh"]

    def use(_):
        try:
            return client.post("/api/v1/auth/token/refresh", {"refresh": refresh}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(use, range(8)))
    assert statuses == [200] + [409] * 7
    assert Session.objects.get().ended_at is None
    assert RefreshToken.objects.count() == 2


def test_an_access_token_is_no_refresh_token_and_a_refresh_token_gives_no_access(client, shopper, login):
    pair = login().json()
    assert client.post("/api/v1/auth/token/refresh", {"refresh": pair["access"]}).status_code == 401
    headers = {"Authorization": f"Bearer {pair['refresh']}"}
    assert client.get("/api/v1/users/me", headers=headers).status_code == 401


def test_the_refresh_token_can_live_in_a_cookie_that_scripts_cannot_read(client, shopper, login):
    answer = login(refresh="cookie")
    assert "refresh" not in answer.json()
    cookie = answer.cookies["refresh_token"]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["path"]) == (
        True,
        True,
        "Strict",
        "/api/v1/auth",
    )
    assert client.post("/api/v1/auth/token/refresh", {}).status_code == 200


def test_logout_ends_the_session(client, shopper, login):
    pair = login().json()
    headers = {"Authorization": f"Bearer {pair['access']}"}
    assert client.post("/api/v1/auth/logout", headers=headers).status_code == 204
    assert client.post("/api/v1/auth/token/refresh", {"refresh": pair["refresh"]}).status_code == 401


def test_a_password_change_ends_other_sessions_answers_with_tokens_and_tells_the_others(client, shopper, login):
    other = login().json()["refresh"]
    headers = {"Authorization": f"Bearer {login().json()['access']}"}
    wanted = {"old_password": PASSWORD, "new_password": "another-good-one-9"}
    with capture_events() as events:
        answer = client.post("/api/v1/auth/password/change", wanted, headers=headers)
    assert answer.status_code == 200
    assert client.post("/api/v1/auth/token/refresh", {"refresh": other}).status_code == 401
    assert client.post("/api/v1/auth/token/refresh", {"refresh": answer.json()["refresh"]}).status_code == 200
    assert events[0].type == "crossborder.user.changed.v1"
    assert events[0].data["tokens_valid_after"] is not None
    assert login(password="another-good-one-9").status_code == 200


def test_a_rotated_key_is_published_before_it_signs_and_old_tokens_go_on(client, shopper, login, time_machine_at):
    from identity.tokens import new_signing_key

    old = login().json()
    new_signing_key(timezone.now())
    kids = {key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]}
    assert len(kids) == 2
    assert jwt.get_unverified_header(login().json()["access"])["kid"] == jwt.get_unverified_header(old["access"])["kid"]
    with time_machine_at(minutes=11):
        assert (
            jwt.get_unverified_header(login().json()["access"])["kid"]
            != jwt.get_unverified_header(old["access"])["kid"]
        )
        assert client.post("/api/v1/auth/token/refresh", {"refresh": old["refresh"]}).status_code == 200


def test_after_logout_all_identity_itself_refuses_the_old_tokens(client, shopper, login, time_machine_at):
    headers = {"Authorization": f"Bearer {login().json()['access']}"}
    assert client.get("/api/v1/users/me", headers=headers).status_code == 200
    with time_machine_at(seconds=2):
        assert client.post("/api/v1/auth/logout-all", headers=headers).status_code == 204
        assert client.get("/api/v1/users/me", headers=headers).status_code == 401
        assert login().status_code == 200


def test_hundreds_of_failures_are_a_429_and_an_hour_later_forgotten(client, shopper, login, time_machine_at):
    from identity.models import FailedLogin

    login(password="wrong-password-1")
    FailedLogin.objects.update(failures=500)
    assert login().status_code == 429
    with time_machine_at(hours=1):
        assert login(password="wrong-password-1").status_code == 401
        assert set(FailedLogin.objects.values_list("failures", flat=True)) == {1}
        assert login().status_code == 200


def test_the_old_password_is_not_guessed_with_a_stolen_token(client, shopper, bearer_of):
    headers = bearer_of()
    body = {"old_password": "wrong-password-1", "new_password": "another-good-one-9"}
    answers = [client.post("/api/v1/auth/password/change", body, headers=headers).status_code for _ in range(7)]
    assert answers[0] == 401
    assert answers[-1] == 429
