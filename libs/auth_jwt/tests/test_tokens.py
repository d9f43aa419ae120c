"""Which tokens are refused: forged, foreign, late, revoked or odd ones."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from auth_jwt.models import KnownUser
from auth_jwt.testing import KID, PRIVATE_KEY, access_token, bearer
from auth_jwt.verification import InvalidToken, verify
from conftest import public_entry
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

DEEP = b'{"alg": "ES256", "kid": ' + b"[" * 5000
MALLORY = ec.generate_private_key(ec.SECP256R1())


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def claims(**others: Any) -> dict[str, Any]:
    return jwt.decode(access_token(**others), options={"verify_signature": False})


def signed(header: dict[str, Any], key: Any = PRIVATE_KEY) -> str:
    """A token whose signature is right, with whatever else in its header."""
    return jwt.encode(claims(), key, algorithm="ES256", headers={"kid": KID, **header})


def hs256_with_the_public_key() -> str:
    pem = PRIVATE_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': KID})}.{part(claims())}"
    return f"{text}.{part(hmac.new(pem, text.encode(), hashlib.sha256).digest())}"


def with_another_payload() -> str:
    header, _, signature = access_token().split(".")
    return f"{header}.{part(claims(roles=['admin']))}.{signature}"


FORGED = {
    "alg none": lambda: f"{part({'alg': 'none', 'kid': KID})}.{part(claims())}.",
    "alg None, other spelling": lambda: f"{part({'alg': 'nOnE', 'kid': KID})}.{part(claims())}.",
    "HS256 with the public key": hs256_with_the_public_key,
    "a stranger's key": lambda: signed({}, MALLORY),
    "another payload": with_another_payload,
    "unknown kid": lambda: signed({"kid": "nobody"}),
    "absent kid": lambda: jwt.encode(claims(), PRIVATE_KEY, algorithm="ES256"),
    "traversal in kid": lambda: signed({"kid": "../../../../dev/null"}),
    "SQL in kid": lambda: signed({"kid": "x' OR '1'='1"}),
    "kid with a line feed": lambda: signed({"kid": f"{KID}\n"}),
    "crit": lambda: signed({"crit": ["exp"], "exp": 1}),
    "crit that PyJWT understands": lambda: signed({"crit": ["b64"], "b64": True}),
    "jwk of the stranger": lambda: signed({"jwk": public_entry(MALLORY, KID)}, MALLORY),
    "header nested without end": lambda: f"{part(DEEP)}.{part(claims())}.AA",
    "header that is no object": lambda: f"{part([1])}.{part(claims())}.AA",
    "two parts": lambda: access_token().rpartition(".")[0],
    "nothing in three parts": lambda: "..",
    "no base64": lambda: "a.b.c",
    "8 KB and more": lambda: access_token(padding="x" * 8192),
}
FOREIGN = {
    "iss": "https://identity.example",
    "aud": "another-api",
    "token_use": "refresh",
    "sub": "not-a-uuid",
    "roles": "admin",
    "auth_time": "yesterday",
    "iat": 10**18,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_or_odd_token_is_a_401_that_says_so(client, forge):
    answer = client.get("/door", headers={"Authorization": f"Bearer {forge()}"})
    assert answer.status_code == 401
    assert answer.json()["detail"]
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_jku_is_never_fetched(client, issuer):
    issuer.publishes(public_entry(MALLORY, "mallory"))
    settings.AUTH_JWT["JWKS_URL"] = "http://127.0.0.1:9/jwks.json"
    token = signed({"kid": "mallory", "jku": issuer.url, "x5u": issuer.url}, MALLORY)
    assert client.get("/door", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert issuer.asked == 0


def test_a_token_of_just_under_8_kb_is_read(client):
    token = access_token(padding="x" * 5500)
    assert 7500 < len(token) < 8192
    assert client.get("/door", headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize(("claim", "value"), FOREIGN.items())
def test_a_foreign_claim_is_refused(client, claim, value):
    with pytest.raises(InvalidToken):
        verify(access_token(**{claim: value}))


@pytest.mark.parametrize("claim", ["sub", "iss", "aud", "exp", "iat", "jti", "sid", "auth_time", "token_use"])
def test_a_missing_claim_is_refused(client, claim):
    with pytest.raises(InvalidToken):
        verify(access_token(**{claim: None}))


@pytest.mark.parametrize(("seconds_ago", "accepted"), [(-1, True), (25, True), (31, False), (3600, False)])
def test_expiry_has_a_leeway_of_thirty_seconds(client, seconds_ago, accepted):
    now = int(time.time())
    token = access_token(iat=now - 4000, exp=now - seconds_ago)
    if accepted:
        assert verify(token)["exp"] == now - seconds_ago
    else:
        with pytest.raises(InvalidToken, match="expired"):
            verify(token)


@pytest.mark.parametrize(("seconds_ahead", "accepted"), [(25, True), (40, False)])
def test_a_clock_that_is_ahead_is_forgiven_thirty_seconds(client, seconds_ahead, accepted):
    now = int(time.time())
    token = access_token(iat=now + seconds_ahead)
    if accepted:
        verify(token)
    else:
        with pytest.raises(InvalidToken):
            verify(token)


def test_tokens_from_before_a_logout_everywhere_are_refused(client):
    user, moment = uuid4(), datetime.now(UTC).replace(microsecond=900_000)
    KnownUser.objects.create(user_id=user, version=2, status="active", tokens_valid_after=moment)
    second = int(moment.timestamp())
    with pytest.raises(InvalidToken, match="ended"):
        verify(access_token(user, iat=second - 1))
    assert verify(access_token(user, iat=second)), "of the same second: the moment is cut to the second"


@pytest.mark.parametrize("status", ["disabled", "erased"])
def test_a_closed_account_is_refused(client, status):
    user = uuid4()
    KnownUser.objects.create(user_id=user, version=2, status=status)
    assert client.get("/door", headers=bearer(user)).status_code == 401


def test_an_unknown_user_and_an_active_one_pass(client):
    known = uuid4()
    KnownUser.objects.create(
        user_id=known, version=1, status="active", tokens_valid_after=datetime.now(UTC) - timedelta(days=1)
    )
    for user in (uuid4(), known):
        assert client.get("/door", headers=bearer(user)).json() == {"user": str(user)}


def test_without_a_token_the_caller_is_nobody(client):
    assert client.get("/door").json() == {"user": None}


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer \xff\xfe"])
def test_a_malformed_header_is_a_401(client, header):
    status = client.get("/door", HTTP_AUTHORIZATION=header).status_code
    assert status == 401
