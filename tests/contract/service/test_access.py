"""Who must not get in: every operation of the OpenAPI document, tried by those whom its row below keeps out.

An operation without a row fails, and so does a row without an operation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import yaml
from auth_jwt.permissions import ROLES
from auth_jwt.testing import bearer
from django.apps import apps
from django.conf import settings
from django.utils import timezone

PUBLIC = "public"  # anybody may ask
OWN = "own"  # whoever has logged in, about themselves: nobody else's objects can be named, or they are 404
TOKEN = "token"  # its owner: a user, or the guest who holds the object's token
SIGNED = "signed"  # whoever signs the body with the shared secret
SUPPORT, CATALOG, FINANCE, ADMIN = {"support"}, {"catalog"}, {"finance"}, set()  # `admin` is let in everywhere
SEES_COUPONS = {"finance", "support"}
SHIPS, SEES_ORDERS, SEES_PAYMENTS = {"fulfilment"}, {"support", "fulfilment", "finance"}, {"finance", "support"}

ACCESS: dict[str, dict[str, str | set[str]]] = {
    "identity": {
        "POST /auth/logout": OWN,
        "POST /auth/logout-all": OWN,
        "POST /auth/password/change": OWN,
        "POST /auth/password/forgot": PUBLIC,
        "POST /auth/password/reset": PUBLIC,
        "POST /auth/register": PUBLIC,
        "POST /auth/token": PUBLIC,
        "POST /auth/token/refresh": PUBLIC,
        "POST /auth/verify-email": PUBLIC,
        "GET /users/me": OWN,
        "PATCH /users/me": OWN,
        "DELETE /users/me": OWN,
        "GET /users/me/addresses": OWN,
        "POST /users/me/addresses": OWN,
        "GET /users/me/addresses/{address_id}": OWN,
        "PUT /users/me/addresses/{address_id}": OWN,
        "DELETE /users/me/addresses/{address_id}": OWN,
        "GET /users/me/sessions": OWN,
        "GET /staff/users": SUPPORT,
        "GET /staff/users/{user_id}": SUPPORT,
        "PATCH /staff/users/{user_id}": SUPPORT,
        "PUT /staff/users/{user_id}/roles": ADMIN,
    },
    "catalog": {
        "GET /categories": PUBLIC,
        "GET /markets": PUBLIC,
        "GET /products": PUBLIC,
        "GET /products/{name}": PUBLIC,
        "POST /staff/imports": CATALOG,
        "GET /staff/products": CATALOG,
        "POST /staff/products": CATALOG,
        "GET /staff/products/{product_id}": CATALOG,
        "PATCH /staff/products/{product_id}": CATALOG,
        "POST /staff/products/{product_id}/media": CATALOG,
        "POST /staff/products/{product_id}/variants": CATALOG,
        "GET /staff/stock": CATALOG,
        "POST /staff/stock/adjustments": CATALOG,
        "GET /staff/variants/{sku}": CATALOG,
        "PATCH /staff/variants/{sku}": CATALOG,
        "PUT /staff/variants/{sku}/prices/{currency}": CATALOG,
        "DELETE /staff/variants/{sku}/prices/{currency}": CATALOG,
    },
    "orders": {
        "POST /carts": PUBLIC,
        "GET /carts/{cart_id}": TOKEN,
        "POST /carts/{cart_id}/claim": OWN,
        "PUT /carts/{cart_id}/coupon": TOKEN,
        "DELETE /carts/{cart_id}/coupon": TOKEN,
        "PUT /carts/{cart_id}/items/{sku}": TOKEN,
        "DELETE /carts/{cart_id}/items/{sku}": TOKEN,
        "GET /orders": OWN,
        "POST /orders": PUBLIC,
        "GET /orders/export": OWN,
        "GET /orders/{order_id}": TOKEN,
        "POST /orders/{order_id}/cancel": TOKEN,
        "GET /orders/{order_id}/documents/customs-invoice": TOKEN,
        "GET /orders/{order_id}/documents/invoice": TOKEN,
        "POST /orders/{order_id}/returns": TOKEN,
        "GET /orders/{order_id}/timeline": TOKEN,
        "POST /quotes": PUBLIC,
        "GET /quotes/{quote_id}": TOKEN,
        "GET /shipping-methods": PUBLIC,
        "GET /staff/coupons": SEES_COUPONS,
        "POST /staff/coupons": FINANCE,
        "GET /staff/coupons/{code}": SEES_COUPONS,
        "PATCH /staff/coupons/{code}": FINANCE,
        "DELETE /staff/coupons/{code}": FINANCE,
        "GET /staff/orders": SEES_ORDERS,
        "GET /staff/orders/{order_id}": SEES_ORDERS,
        "GET /staff/orders/{order_id}/timeline": SEES_ORDERS,
        "POST /staff/orders/{order_id}/cancel": SUPPORT,
        "POST /staff/orders/{order_id}/holds/{reason}": SUPPORT,
        "DELETE /staff/orders/{order_id}/holds/{reason}": SUPPORT,
        "POST /staff/orders/{order_id}/line-cancellations": SUPPORT,
        "POST /staff/orders/{order_id}/refunds": FINANCE,
        "POST /staff/orders/{order_id}/shipments": SHIPS,
        "GET /staff/returns": SEES_ORDERS,
        "POST /staff/returns/{return_id}/approve": SUPPORT,
        "POST /staff/returns/{return_id}/receive": SHIPS,
        "POST /staff/returns/{return_id}/reject": SUPPORT,
        "POST /staff/shipments/{shipment_id}/delivery": SHIPS,
    },
    "payments": {
        "GET /payments/{payment_id}": TOKEN,
        "POST /payments/{payment_id}/confirm": TOKEN,
        "POST /webhooks/payments/{provider}": SIGNED,
        "GET /staff/payments": SEES_PAYMENTS,
        "POST /staff/payments/{payment_id}/refunds/{refund_id}/retry": FINANCE,
        "GET /staff/ledger": FINANCE,
        "GET /staff/ledger/balances": FINANCE,
        "GET /staff/reconciliation/differences": FINANCE,
        "POST /staff/reconciliation/differences/{difference_id}/resolve": FINANCE,
    },
    "notifications": {
        "GET /notification-preferences": OWN,
        "PUT /notification-preferences": OWN,
        "GET /notifications": OWN,
        "POST /notifications/{delivery_id}/read": OWN,
        "GET /unsubscribe/{token}": TOKEN,
        "POST /unsubscribe/{token}": TOKEN,
        "GET /staff/deliveries": SUPPORT,
        "GET /staff/deliveries/{delivery_id}": SUPPORT,
        "POST /staff/deliveries/{delivery_id}/retry": SUPPORT,
        "GET /staff/webhook-deliveries": ADMIN,
        "GET /staff/webhook-deliveries/{delivery_id}": ADMIN,
        "POST /staff/webhook-deliveries/{delivery_id}/retry": ADMIN,
        "GET /staff/webhook-endpoints": ADMIN,
        "POST /staff/webhook-endpoints": ADMIN,
        "GET /staff/webhook-endpoints/{endpoint_id}": ADMIN,
        "PATCH /staff/webhook-endpoints/{endpoint_id}": ADMIN,
        "DELETE /staff/webhook-endpoints/{endpoint_id}": ADMIN,
        "POST /staff/webhook-endpoints/{endpoint_id}/rotate-secret": ADMIN,
        "POST /staff/webhook-endpoints/{endpoint_id}/test": ADMIN,
    },
}
ROWS = ACCESS[settings.SERVICE]
DOCUMENT = yaml.safe_load((Path(settings.BASE_DIR) / "contracts/openapi.yaml").read_text())
OPERATIONS = {
    f"{method.upper()} {path.removeprefix('/api/v1')}": operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in {"get", "post", "put", "patch", "delete"}
}
OBJECTS = {
    "orders": {"cart_id": "orders.Cart", "quote_id": "orders.Quote", "order_id": "orders.Order"},
    "payments": {"payment_id": "payments.Payment"},
    "notifications": {"delivery_id": "notifications.Delivery"},
    "identity": {"address_id": "identity.Address"},
}.get(settings.SERVICE, {})
EXTRA = {"channel": "in_app", "state": "sent"} if settings.SERVICE == "notifications" else {}
FILLED: dict[str, Any] = {
    "UUIDField": uuid4,
    "JSONField": dict,
    "DateTimeField": timezone.now,
    "BigIntegerField": lambda: 100,
}
ADDRESS = {"name": "Mira", "line1": "Hauptstr. 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}
BODIES: dict[str, dict[str, Any]] = {  # what is valid, where an empty body is refused before the owner is looked at
    "PUT /carts/{cart_id}/coupon": {"code": "SPRING"},
    "PUT /carts/{cart_id}/items/{sku}": {"quantity": 1},
    "POST /orders/{order_id}/returns": {"lines": [{"line_id": 1, "quantity": 1}]},
    "POST /payments/{payment_id}/confirm": {"payment_method": "tok_ok", "return_url": f"{settings.PUBLIC_URL}/back"},
    "PUT /users/me/addresses/{address_id}": ADDRESS,
}
QUERIES = {"POST /staff/imports": "?kind=prices"}
KEPT_OUT = {401, 403, 404}
INVENTED = "a_field_of_nobodys"


def rows(*kinds: str) -> list[str]:
    return [name for name, row in ROWS.items() if row in kinds]


STAFF = [name for name, row in ROWS.items() if isinstance(row, set)]


def an_object(model: Any, **given: Any) -> Any:
    """A row with something in every column that needs it; what it refers to has the same owner."""
    values = {name: value for name, value in given.items() if name in {field.name for field in model._meta.fields}}
    for field in model._meta.concrete_fields:
        if field.name in values or field.null or field.has_default() or getattr(field, "auto_now_add", False):
            continue
        if field.is_relation:
            values[field.name] = an_object(field.related_model, **given)
        elif field.get_internal_type() in FILLED:
            values[field.name] = FILLED[field.get_internal_type()]()
        elif not field.blank:
            values[field.name] = field.choices[0][0] if field.choices else "EUR"[: field.max_length]
    return model.objects.create(**values)


def path_of(name: str, **ids: Any) -> str:
    """The operation's path with every parameter filled: from `ids`, else with ids that are nobody's."""
    path = f"/api/v1{name.split()[1]}"
    for parameter in OPERATIONS[name].get("parameters", []):
        if parameter["in"] == "path":
            schema = parameter["schema"]
            value = uuid4() if schema.get("format") == "uuid" else (schema.get("enum") or ["EUR"])[0]
            path = path.replace("{" + parameter["name"] + "}", str(ids.get(parameter["name"], value)))
    return path


def ask(api, name: str, who: dict[str, str], body: dict | None = None, **ids: Any):
    content = OPERATIONS[name].get("requestBody", {}).get("content", {"application/json": {}})
    kind = "json" if "application/json" in content else "multipart"
    headers = {**who, "If-Match": "*", "Idempotency-Key": uuid4().hex}
    path = path_of(name, **ids) + QUERIES.get(name, "")
    if name.startswith("GET"):
        return api.get(path, headers=headers)
    return getattr(api, name.split()[0].lower())(path, body or {}, format=kind, headers=headers)


def test_every_operation_has_a_row_and_every_row_an_operation():
    assert set(ROWS) == set(OPERATIONS)


@pytest.mark.parametrize("name", rows(PUBLIC) or [None])
def test_a_public_operation_asks_nobody_who_they_are(api, name):
    if name:
        answer = ask(api, name, {})
        assert answer.status_code < 500
        assert answer.status_code != 403
        assert answer.json().get("code") != "not_authenticated" if answer.content else True


@pytest.mark.parametrize("name", rows(OWN) or [None])
def test_what_is_someones_own_needs_a_login(api, name):
    if name:
        assert ask(api, name, {}).status_code == 401
        assert ask(api, name, bearer(roles=["nobody"], token_use="refresh")).status_code == 401


@pytest.mark.parametrize("name", rows(SIGNED) or [None])
@pytest.mark.parametrize("roles", [None, list(ROLES)], ids=["anonymous", "all of staff"])
def test_what_must_be_signed_is_refused_without_a_signature(api, name, roles):
    if name:
        assert ask(api, name, {} if roles is None else bearer(roles=roles)).status_code in {400, 401, 403, 404}


def parameter_of(name: str) -> str:
    """The path parameter that names the object with an owner, or nothing."""
    return next((parameter for parameter in OBJECTS if "{" + parameter + "}" in name), "")


WITH_OWNER = [name for name in rows(TOKEN, OWN) if parameter_of(name)]


@pytest.fixture
def owners_object(db):
    """(an operation's object, its owner's id)."""

    def make(name: str) -> tuple[dict[str, Any], UUID]:
        owner, parameter = uuid4(), parameter_of(name)
        given: dict[str, Any] = {"user_id": owner}
        if settings.SERVICE == "identity":
            user = an_object(apps.get_model("identity.User"), status="active", email=f"{owner}@example.com")
            given, owner = {"user": user}, user.pk
        return {parameter: an_object(apps.get_model(OBJECTS[parameter]), **given, **EXTRA).pk}, owner

    return make


@pytest.mark.parametrize("name", WITH_OWNER or [None])
def test_what_has_an_owner_is_opened_by_nobody_else(api, name, owners_object):
    if name is None:
        return
    ids, owner = owners_object(name)
    guess = {"Cart-Token": "x" * 43, "Order-Token": "x" * 43}
    for who in ({}, guess, bearer(), bearer(roles=list(ROLES)), {**guess, **bearer()}):
        assert ask(api, name, who, BODIES.get(name), **ids).status_code in KEPT_OUT, who
    assert ask(api, name, bearer(owner), BODIES.get(name), **ids).status_code not in KEPT_OUT, "its owner gets in"


@pytest.mark.parametrize("name", [name for name in rows(TOKEN) if not parameter_of(name)] or [None])
def test_a_token_in_the_path_cannot_be_guessed(api, name):
    if name:
        assert ask(api, name, {}).status_code in KEPT_OUT


@pytest.mark.parametrize("name", STAFF or [None])
def test_a_staff_operation_opens_for_its_roles_alone(api, name):
    if name:
        assert ask(api, name, {}).status_code == 401
        assert ask(api, name, bearer()).status_code == 403
        for role in ROLES:
            status = ask(api, name, bearer(roles=[role])).status_code
            assert status < 500
            assert (status == 403) == (role not in ROWS[name] | {"admin"}), role


def test_staff_operations_are_under_staff_and_nothing_else_is():
    assert {name for name in ROWS if name.split()[1].startswith("/staff/")} == set(STAFF)


WRITES = [name for name, each in OPERATIONS.items() if "requestBody" in each and ROWS.get(name) != SIGNED]


@pytest.mark.parametrize("name", WRITES or [None])
def test_a_field_that_is_not_in_the_document_is_refused(api, name):
    if name:
        answer = ask(api, name, bearer(roles=list(ROLES)), {INVENTED: "1"})
        assert answer.status_code == 400, answer.content
        assert (f"#/{INVENTED}", "unknown_field") in {
            (error["pointer"], error["code"]) for error in answer.json()["errors"]
        }
