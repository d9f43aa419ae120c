"""What the gateway lets through, to whom, with which headers, and what it says when it refuses."""

import pytest

ROUTES = {
    "/.well-known/jwks.json": "identity",
    "/api/v1/auth/token": "identity",
    "/api/v1/users/me/addresses": "identity",
    "/api/v1/staff/users": "identity",
    "/api/v1/products?q=lamp": "catalog",
    "/api/v1/categories": "catalog",
    "/api/v1/markets": "catalog",
    "/api/v1/staff/products/1/media": "catalog",
    "/api/v1/staff/stock": "catalog",
    "/api/v1/staff/imports": "catalog",
    "/api/v1/carts": "orders",
    "/api/v1/quotes/1": "orders",
    "/api/v1/orders/1/timeline": "orders",
    "/api/v1/shipping-methods?ship_to=DE": "orders",
    "/api/v1/staff/coupons": "orders",
    "/api/v1/payments/1/confirm": "payments",
    "/api/v1/webhooks/payments/sandbox": "payments",
    "/api/v1/staff/ledger": "payments",
}
CLOSED = [
    "/",
    "/admin/orders/",
    "/flower/orders/",
    "/metrics",
    "/livez",
    "/readyz",
    "/api/schema/orders",
    "/api/v1/ordersx",
    "/api/v1/staff",
    "/api/v2/orders",
    "/api/v1/orders/../../../metrics",
    "/api/v1/orders/..%2f..%2f..%2fmetrics",
    "/api/v1/orders/%2e%2e/%2e%2e/%2e%2e/admin/orders/",
    "/static/orders/admin/css/base.css",
    "/media/../secrets.env",
    "/media/..%2fsecrets.env",
]


@pytest.mark.parametrize(("path", "service"), ROUTES.items())
def test_each_path_reaches_its_service_unchanged(gate, path, service):
    answer = gate.ask(path)

    assert (answer.status, answer.json["service"], answer.json["path"]) == (200, service, path)


@pytest.mark.parametrize("path", CLOSED)
def test_what_is_not_named_is_a_problem_document(gate, path):
    answer = gate.ask(path)

    assert answer.status in (400, 404)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json["status"] == answer.status


def test_headers_about_the_caller_are_the_gateways_own(gate):
    forged = {
        "X_User_Id": "1",
        "X_User_Roles": "admin",
        "X_Forwarded_For": "6.6.6.6",
        "X_Forwarded_Host": "evil.example",
        "X_Forwarded_Proto": "https",
        "X_Real_IP": "6.6.6.6",
        "Forwarded": "for=6.6.6.6",
    }

    seen = gate.ask("/api/v1/orders", **forged).json["headers"]

    assert "6.6.6.6" not in str(seen)
    assert "evil.example" not in str(seen)
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert not [name for name in seen if name.startswith("x-user")]


def test_what_a_buyer_sends_arrives(gate):
    sent = {
        "Authorization": "Bearer x",
        "Cart_Token": "c",
        "Order_Token": "o",
        "Idempotency_Key": "k",
        "If_Match": '"1"',
        "Accept_Language": "ja",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "X_Request_ID": "request-12345",
    }

    seen = gate.ask("/api/v1/orders", **sent).json["headers"]

    assert {name.lower().replace("_", "-"): value for name, value in sent.items()}.items() <= seen.items()


def test_a_malformed_trace_or_request_id_is_replaced(gate):
    seen = gate.ask("/api/v1/orders", traceparent="00-evil", X_Request_ID='"},{"').json["headers"]

    assert "traceparent" not in seen
    assert len(seen["x-request-id"]) == 32


def test_a_body_above_one_megabyte_is_refused_before_a_service_sees_it(gate):
    answer = gate.ask("/api/v1/carts", method="POST", body=b"x" * 2_000_000)

    assert (answer.status, answer.json["code"]) == (413, "body_too_large")
    assert "1 MB" in answer.json["detail"]


def test_a_service_that_is_away_is_a_502_that_says_when_to_try_again(gate):
    answer = gate.ask("/api/v1/notifications")

    assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (502, "service_unavailable", "1")


def test_a_services_own_error_passes_unchanged(gate):
    answer = gate.ask("/api/v1/orders/teapot")

    assert (answer.status, answer.json["service"]) == (418, "orders")


def test_a_problem_carries_the_callers_trace(gate):
    answer = gate.ask("/nothing", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

    assert answer.json["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


def test_the_gateway_does_not_tell_its_version(gate):
    assert gate.ask("/nothing").headers["server"] == "nginx"


def test_media_are_served_and_only_read(gate):
    assert gate.ask("/media/lamp.svg").text == "<svg/>"
    assert gate.ask("/media/lamp.svg").headers["x-content-type-options"] == "nosniff"
    assert gate.ask("/media/missing.png").json["code"] == "not_found"
    assert gate.ask("/media/lamp.svg", method="POST").status in (403, 405)


def test_health_and_docs_are_there(gate):
    assert gate.ask("/healthz").json == {"status": "ok"}
    page = gate.ask("/api/docs")
    assert "swagger-ui-bundle.js" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert gate.ask("/api/docs/swagger-ui-bundle.js").status == 200


@pytest.mark.parametrize(
    ("path", "arrives_at"),
    [
        ("/admin/orders/login/", "/admin/orders/login/"),
        ("/static/catalog/admin/css/base.css", "/static/catalog/admin/css/base.css"),
        ("/metrics/payments", "/metrics"),
        ("/readyz/identity", "/readyz"),
    ],
)
def test_operators_reach_each_service(gate, path, arrives_at):
    answer = gate.ask(path, port="operators")

    assert (answer.json["path"], answer.json["service"]) == (arrives_at, path.split("/")[2])


def test_operators_have_an_index_and_no_flower_metrics(gate):
    assert "/admin/orders/" in gate.ask("/", port="operators").text
    assert gate.ask("/flower/orders/metrics", port="operators").status == 404
    assert gate.ask("/flower/orders/", port="operators").status == 502  # no Flower runs here
