"""What a request carries: its id, its trace, its caller's address, its limit, its lines in the log."""

import json
import logging
import logging.config
import re
import socket
from datetime import UTC, datetime
from io import StringIO
from uuid import uuid4

import pytest
import time_machine
from auth_jwt.testing import bearer
from chassis import throttles
from chassis.logs import log_fields, logging_config
from conftest import THINGS
from outbox.context import correlation

CONTEXT = "/api/v1/context"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_request_id_and_a_trace_are_taken_over_and_returned(api):
    answer = api.get(CONTEXT, headers={"X-Request-ID": "shop-2026.11_23", "traceparent": TRACE})
    assert answer["X-Request-ID"] == answer.json()["request_id"] == answer.json()["correlation"] == "shop-2026.11_23"
    assert answer.json()["trace_id"] == TRACE.split("-")[1]
    version, trace, span, flags = answer["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE.split("-")[1], "01")
    assert span != TRACE.split("-")[2], "a span of our own"


@pytest.mark.parametrize("given", ["", "short", "x" * 129, "with space", "ünicode-id", "a;b=c-12345"])
def test_a_malformed_request_id_is_replaced(api, given):
    answer = api.get(CONTEXT, HTTP_X_REQUEST_ID=given)
    assert re.fullmatch(r"[0-9a-f-]{36}", answer["X-Request-ID"])


@pytest.mark.parametrize(
    "given",
    [
        "",
        "nonsense",
        TRACE.upper(),
        TRACE + "-more",
        TRACE.replace("00-", "ff-", 1),
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
    ],
)
def test_a_malformed_traceparent_is_replaced(api, given):
    answer = api.get(CONTEXT, headers={"traceparent": given})
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", answer["traceparent"])
    assert answer["traceparent"].split("-")[1] not in {TRACE.split("-")[1], "0" * 32}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.1.2.3", "203.0.113.7", "203.0.113.7"),
        ("10.1.2.3", "2001:db8::7", "2001:db8::7"),
        ("192.0.2.9", "203.0.113.7", "192.0.2.9"),
        ("10.1.2.3", "nonsense", "10.1.2.3"),
        ("10.1.2.3", "", "10.1.2.3"),
    ],
)
def test_a_forwarded_address_is_believed_from_the_gateway_alone(api, settings, peer, forwarded, address):
    settings.GATEWAY_CIDR = ["10.0.0.0/8"]
    assert api.get(CONTEXT, REMOTE_ADDR=peer, HTTP_X_REAL_IP=forwarded).json()["address"] == address


@pytest.fixture
def three_a_minute(settings):
    settings.API_REQUESTS_PER_MINUTE = 3
    throttles._away_until = 0
    with time_machine.travel(datetime.now(UTC).replace(second=20, microsecond=0), tick=False):
        yield
    throttles._away_until = 0


def test_a_principal_at_its_limit_is_told_when_to_come_back(api, three_a_minute):
    me, other = bearer(uuid4()), bearer(uuid4())
    assert [api.get(THINGS, headers=me).status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = api.get(THINGS, headers=me)
    assert (answer.json()["code"], answer["Retry-After"]) == ("throttled", "40")
    assert api.get(THINGS, headers=other).status_code == 200
    with time_machine.travel(datetime.now(UTC).timestamp() + 40):
        assert api.get(THINGS, headers=me).status_code == 200


def test_guests_count_by_address_whatever_token_they_show(api, three_a_minute):
    def ask(address: str) -> int:
        return api.get(THINGS, headers={"Cart-Token": uuid4().hex}, REMOTE_ADDR=address).status_code

    here, there = (f"2001:db8::{uuid4().hex[:4]}:{uuid4().hex[:4]}" for _ in range(2))
    assert [ask(here) for _ in range(16)] == [200] * 15 + [429]
    assert ask(there) == 200


def test_without_redis_everyone_is_let_through(api, three_a_minute, settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:9/0"
    me = bearer(uuid4())
    assert {api.get(THINGS, headers=me).status_code for _ in range(6)} == {200}


def test_redis_clients_first_used_by_two_requests_at_once_close_no_connection_in_use(
    api, three_a_minute, settings, in_thread
):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        replaced = in_thread(lambda: (silent.accept(), throttles._redis.cache_clear()))  # as a second client does
        assert api.get(CONTEXT).status_code == 200
        replaced.result(20)


@pytest.fixture
def log():
    """The lines that were logged, parsed."""
    root, stream, config = logging.getLogger(), StringIO(), logging_config("INFO")
    before = root.handlers[:]
    config["handlers"]["stderr"]["stream"] = stream
    logging.config.dictConfig(config)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before


def test_a_line_of_a_request_is_json_that_names_its_trace(api, log):
    api.get("/api/v1/fail/500", headers={"X-Request-ID": "request-77", "traceparent": TRACE})
    (line,) = [line for line in log() if line["logger"] == "chassis.problems"]
    assert (line["level"], line["service"], line["message"]) == ("ERROR", "project", "unexpected error")
    assert (line["trace_id"], line["request_id"]) == (TRACE.split("-")[1], "request-77")
    assert "RuntimeError: secret detail" in line["exc_info"]
    assert datetime.fromisoformat(line["time"])


def test_a_line_of_a_handler_names_the_trace_of_its_event(log):
    with correlation(traceparent=TRACE), log_fields(order_id="7"):
        logging.getLogger("shop").info("Grüße\n2", extra={"event_id": "e"})
    assert [(line["trace_id"], line["order_id"], line["event_id"], line["message"]) for line in log()] == [
        (TRACE.split("-")[1], "7", "e", "Grüße\n2")
    ]


def test_fields_end_with_their_block(log):
    with log_fields(order_id="7"), log_fields(order_id="8"):
        pass
    logging.getLogger("shop").info("after")
    assert "order_id" not in log()[0]
