"""Every refusal and every failure is a problem document."""

import pytest
from auth_jwt.testing import bearer
from chassis.parsers import MAX_BYTES
from conftest import THINGS

KEYS = {"type", "title", "status", "code", "detail", "errors", "trace_id"}


def check(answer, status, code):
    assert answer.status_code == status
    assert answer["Content-Type"].startswith("application/problem+json")
    body = answer.json()
    assert set(body) >= KEYS
    assert (body["status"], body["code"], body["type"]) == (status, code, f"urn:crossborder:problem:{code}")
    assert body["detail"]
    assert body["trace_id"] == answer["traceparent"].split("-")[1]
    return body


def raw(api, body, content_type="application/json"):
    return api.generic("POST", THINGS, body, content_type=content_type)


def nested(levels: int) -> bytes:
    return b'{"name": ' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (nested(13), "12 levels"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"name": "a", "name": "b"}', "occurs twice"),
        (b'{"name": NaN}', "NaN"),
        (b'{"name": -Infinity}', "Infinity"),
        (b'{"name": 1e999}', "too large a number"),
        (b'{"name": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (rb'{"name": "\ud800"}', "lone surrogate"),
        (rb'{"\udfff": 1}', "lone surrogate"),
    ],
)
def test_a_body_that_others_might_read_differently_is_refused(api, body, says):
    assert says in check(raw(api, body), 400, "parse_error")["detail"]


def test_twelve_levels_are_read(api):
    check(raw(api, nested(12)), 400, "invalid")


def test_a_body_over_one_mebibyte_is_a_413(api):
    check(raw(api, b'"' + b"x" * MAX_BYTES + b'"'), 413, "too_large")


def test_a_body_of_one_mebibyte_is_read(api):
    check(raw(api, b'"' + b"x" * (MAX_BYTES - 2) + b'"'), 400, "invalid")


def test_another_content_type_is_a_415(api):
    check(raw(api, b"name=a", "application/x-www-form-urlencoded"), 415, "unsupported_media_type")


def test_another_method_is_a_405_that_names_the_right_ones(api):
    answer = api.delete(THINGS)
    check(answer, 405, "method_not_allowed")
    assert answer["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_an_accept_that_cannot_be_met_is_a_406(api):
    check(api.get(THINGS, headers={"Accept": "image/png"}), 406, "not_acceptable")


def test_each_field_to_change_is_pointed_at(api):
    body = {"parts": [{"name": "ok"}, {"name": "too long", "x/y~ z": 1}], "price": {"amount_minor": -1}, "id": 7}
    errors = check(api.post(THINGS, body), 400, "invalid")["errors"]
    assert {(error["pointer"], error["code"]) for error in errors} == {
        ("#/name", "required"),
        ("#/parts/1/name", "max_length"),
        ("#/parts/1/x~1y~0%20z", "unknown_field"),
        ("#/price/amount_minor", "min_value"),
        ("#/price/currency", "required"),
        ("#/id", "unknown_field"),
    }


def test_what_is_known_is_named_without_what_only_is_answered(api):
    errors = check(api.post(THINGS, {"name": "a", "nmae": "b"}), 400, "invalid")["errors"]
    assert errors[0]["detail"] == "There is no such field here; known are: name, parts, price."


def test_a_change_may_leave_out_fields_but_not_parts_of_parts(api):
    assert api.patch("/api/v1/changes", {"parts": [{"name": "a"}]}).json() == {"parts": [{"count": 1, "name": "a"}]}
    errors = check(api.patch("/api/v1/changes", {"parts": [{"count": 2}]}), 400, "invalid")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [("#/parts/0/name", "required")]


def test_an_unknown_filter_is_a_400(api):
    assert check(api.get(f"{THINGS}?page=2"), 400, "invalid")["errors"][0]["pointer"] == "#/page"


def test_without_a_token_and_without_the_role(api):
    answer = api.get("/api/v1/staff")
    check(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    check(api.get("/api/v1/staff", headers={"Authorization": "Bearer x"}), 401, "invalid_token")
    check(api.get("/api/v1/staff", headers=bearer(None, ["support"])), 403, "role_required")


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (403, "permission_denied")])
def test_djangos_own_refusals(api, status, code):
    check(api.get(f"/api/v1/fail/{status}"), status, code)


def test_a_refusal_of_ours_carries_its_headers_and_members(api):
    answer = api.get("/api/v1/fail/409")
    assert check(answer, 409, "taken")["order_id"] == "7"
    assert answer["Retry-After"] == "1"


def test_an_unexpected_error_is_a_500_that_says_nothing_of_its_cause(api):
    answer = api.get("/api/v1/fail/500")
    check(answer, 500, "internal")
    assert b"secret" not in answer.content


def test_a_database_that_is_away_is_a_503(api, database_away):
    answer = api.get(THINGS)
    check(answer, 503, "database_unavailable")
    assert answer["Retry-After"] == "2"


def test_an_unknown_path_and_a_foreign_host(api):
    check(api.get("/api/v1/nowhere"), 404, "not_found")
    check(api.get(THINGS, headers={"Host": "evil.example"}), 400, "bad_request")


def test_if_match(api):
    check(api.put("/api/v1/versioned", {}), 428, "if_match_required")
    check(api.put("/api/v1/versioned", {}, headers={"If-Match": '"1"'}), 412, "stale")
    for fits in ('"2"', '"1", "2"', "*"):
        assert api.put("/api/v1/versioned", {}, headers={"If-Match": fits}).status_code == 200
