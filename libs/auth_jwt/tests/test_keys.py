"""The key set: fetched rarely, kept for ever, shared by all processes of a service."""

import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from auth_jwt import keys
from auth_jwt.models import JwksDocument
from auth_jwt.tasks import refresh_jwks
from auth_jwt.testing import KID, access_token, install_key
from auth_jwt.verification import InvalidToken, verify
from conftest import public_entry
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings as django_settings
from django.db import connection, connections
from django.utils import timezone

HERE = Path(__file__).parent
pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
ASK = """
import django; django.setup()
import sys
from auth_jwt.keys import public_key
sys.stdin.readline()
print(public_key("wanted") is not None)
"""


def token_by(private, kid: str) -> str:
    claims = jwt.decode(access_token(), options={"verify_signature": False})
    return jwt.encode(claims, private, algorithm="ES256", headers={"kid": kid})


def let_time_pass(**how_long: float) -> None:
    """The issuer was last asked that much earlier."""
    row = JwksDocument.objects.get()
    row.asked_at -= timedelta(**how_long)
    row.save()


@pytest.mark.parametrize("years", [0, 10])
def test_the_last_good_key_set_is_served_however_old_while_the_issuer_is_down(years):
    install_key()
    JwksDocument.objects.update(fetched_at=timezone.now() - timedelta(days=365 * years))
    keys.forget()
    assert verify(access_token())["token_use"] == "access"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"oops"),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"keys": null}'),
        (200, b'{"keys": [7, {"kty": "EC", "crv": "P-256"}]}'),
        (200, b'{"keys": [{"kty": "EC", "crv": "P-256", "kid": "x", "x": "!", "y": "!"}]}'),
        (200, b'{"keys": []}'),
        (302, b""),
    ],
)
def test_an_unusable_answer_leaves_the_last_good_key_set(issuer, status, body):
    install_key()
    issuer.status, issuer.body = status, body
    assert refresh_jwks() is False
    assert issuer.asked == 1
    verify(access_token())


def test_one_unreadable_key_does_not_spoil_the_others(issuer):
    broken = {"kty": "EC", "crv": "P-256", "kid": "broken", "x": "AA", "y": "AA"}
    issuer.publishes(broken, public_entry(NEW, "new"), {"kty": "RSA", "kid": "rsa"})
    assert refresh_jwks() is True
    verify(token_by(NEW, "new"))


def test_an_unknown_kid_asks_once_in_thirty_seconds(issuer):
    issuer.publishes(public_entry(OLD, "old"))
    for _ in range(20):
        with pytest.raises(InvalidToken, match="not ours"):
            verify(token_by(NEW, "new"))
    assert issuer.asked == 1
    let_time_pass(seconds=29)
    assert keys.public_key("new") is None
    assert issuer.asked == 1
    let_time_pass(seconds=2)
    assert keys.public_key("new") is None
    assert issuer.asked == 2


def test_many_processes_together_ask_once_in_thirty_seconds(issuer):
    issuer.publishes(public_entry(OLD, "old"))
    keys.refresh()
    issuer.asked = 0
    environment = os.environ | {
        "AUTHJWT_TEST_JWKS_URL": issuer.url,
        "AUTHJWT_TEST_RUN": connection.settings_dict["NAME"].rpartition("_")[2],
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "PYTHONPATH": str(HERE),
    }
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen([sys.executable, "-c", ASK], env=environment, **pipes) for _ in range(3)]
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0].strip() for process in started] == ["False"] * 3
    assert issuer.asked == 1


def test_many_threads_of_a_fresh_service_ask_once(issuer):
    """Nothing is stored yet: the first tokens of all arrive together."""
    issuer.publishes(public_entry(OLD, "old"))
    gate, refused = threading.Barrier(6), []

    def ask() -> None:
        try:
            gate.wait(10)
            keys.public_key("unheard-of")
        except Exception as error:  # noqa: BLE001 a thread has nobody to raise to
            refused.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert refused == []
    assert issuer.asked == 1


def test_a_rotated_key_is_found_and_the_old_one_is_good_until_it_is_withdrawn(issuer):
    issuer.publishes(public_entry(OLD, "old"))
    verify(token_by(OLD, "old"))
    issuer.publishes(public_entry(OLD, "old"), public_entry(NEW, "new"))
    let_time_pass(seconds=31)
    verify(token_by(NEW, "new"))
    verify(token_by(OLD, "old"))
    issuer.publishes(public_entry(NEW, "new"))
    keys.refresh()
    verify(token_by(NEW, "new"))
    let_time_pass(seconds=-3600)
    with pytest.raises(InvalidToken):
        verify(token_by(OLD, "old"))


def test_a_key_that_another_process_has_just_learnt_is_known_at_once(issuer):
    """This process remembers the old set, and nobody may ask again: the database has what it needs."""
    issuer.publishes(public_entry(OLD, "old"))
    verify(token_by(OLD, "old"))
    fresh = {"keys": [public_entry(OLD, "old"), public_entry(NEW, "new")]}
    JwksDocument.objects.update(document=fresh, asked_at=timezone.now())
    verify(token_by(NEW, "new"))
    assert issuer.asked == 1


def test_a_key_in_memory_costs_no_statement(issuer, django_assert_num_queries):
    issuer.publishes(public_entry(OLD, "old"))
    keys.refresh()
    assert keys.public_key("old")
    with django_assert_num_queries(0):
        assert keys.public_key("old")


def test_the_test_key_is_a_key_set_like_any_other():
    install_key()
    stored = JwksDocument.objects.get(url=django_settings.AUTH_JWT["JWKS_URL"])
    assert [entry["kid"] for entry in stored.document["keys"]] == [KID]
    assert "d" not in stored.document["keys"][0], "the private half stays in the process"
