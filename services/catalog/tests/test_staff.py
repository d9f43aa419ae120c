"""What staff may do, who may not, and what the others are told of it."""

from __future__ import annotations

from io import BytesIO
from uuid import uuid4

import pytest
from auth_jwt.testing import bearer
from catalog.models import Media, Price, Product, StockMovement, Variant
from django.core.files.uploadedfile import SimpleUploadedFile
from outbox.testing import capture_events
from PIL import Image

from tests.conftest import Orders, levels

NEW_PRODUCT = {"slug": "scarf", "category": "things", "texts": {"en": {"title": "Scarf"}}}
NEW_VARIANT = {"sku": "SCARF-RED", "weight_g": 120, "hs_code": "621420", "origin": "IT", "options": {"colour": "red"}}
ADJUSTMENT = {"sku": "TEE", "warehouse": "NL-AMS", "delta": -2, "reason": "damaged"}


@pytest.fixture
def tee(make_product) -> Product:
    return make_product("TEE", stock={"NL-AMS": 10})


@pytest.fixture
def staff(api, tee, staff_headers):
    """`staff("post", "products", body, If_Match="*")`."""

    def call(method: str, path: str, body=None, headers=None, **more):
        names = {name.replace("_", "-"): value for name, value in more.items()}
        return getattr(api, method)(f"/api/v1/staff/{path}", body, headers={**(headers or staff_headers), **names})

    return call


OPERATIONS = [
    ("get", "products", None),
    ("post", "products", NEW_PRODUCT),
    ("get", "products/{id}", None),
    ("patch", "products/{id}", {"brand": "X"}),
    ("post", "products/{id}/variants", NEW_VARIANT),
    ("post", "products/{id}/media", None),
    ("get", "variants/TEE", None),
    ("patch", "variants/TEE", {"weight_g": 1}),
    ("put", "variants/TEE/prices/EUR", {"amount_minor": 1}),
    ("delete", "variants/TEE/prices/EUR", None),
    ("get", "stock", None),
    ("post", "stock/adjustments", ADJUSTMENT),
    ("post", "imports?kind=prices", {"rows": [{"sku": "TEE", "currency": "EUR", "amount_minor": 1}]}),
]


@pytest.mark.parametrize(("method", "path", "body"), OPERATIONS)
def test_only_those_who_keep_the_catalogue_may(staff, tee, method, path, body):
    path = path.format(id=tee.id)
    refused = {
        401: {"Authorization": "Bearer nonsense"},
        403: bearer(uuid4(), ["support", "finance", "fulfilment"]),
    }
    for status, headers in refused.items():
        assert staff(method, path, body, headers=headers, If_Match="*").status_code == status
    assert staff(method, path, body, headers={"X-Nobody": "1"}, If_Match="*").status_code == 401
    old_login = bearer(uuid4(), ["catalog"], auth_time=0)
    allowed = staff(method, path, body, headers=old_login, If_Match="*").status_code == 200
    assert allowed == (method == "get")
    assert Price.objects.get(variant_id="TEE", currency="EUR").amount_minor == 1000
    assert levels("TEE") == (10, 0, 0)


def test_a_route_of_staff_without_a_row_above_is_a_mistake():
    from catalog.urls import urlpatterns

    routes = {str(each.pattern) for each in urlpatterns[0].url_patterns if str(each.pattern).startswith("staff/")}
    named = {
        path.split("?")[0].replace("TEE", "<str:sku>").replace("EUR", "<str:currency>") for _, path, _ in OPERATIONS
    }
    assert routes == {"staff/" + path.replace("{id}", "<uuid:product_id>") for path in named}


@pytest.mark.parametrize(
    ("method", "path", "body"), [each for each in OPERATIONS if each[0] in {"patch", "put"} or "variants" in each[1]]
)
def test_a_change_names_the_version_it_was_made_from(staff, tee, method, path, body):
    if method == "get":
        return
    path = path.format(id=tee.id)
    assert staff(method, path, body).status_code == 428
    assert staff(method, path, body, If_Match='"99"').status_code == 412
    assert staff(method, path, body, If_Match='"2", "1"').status_code in (200, 201)


@pytest.mark.parametrize("field", ["id", "version", "search", "created_at", "nonsense"])
def test_fields_that_are_not_ones_to_send_are_refused(staff, tee, field):
    for method, path, body, headers in (
        ("post", "products", NEW_PRODUCT, {}),
        ("patch", f"products/{tee.id}", {}, {"If_Match": "*"}),
        ("post", f"products/{tee.id}/variants", NEW_VARIANT, {"If_Match": "*"}),
        ("patch", "variants/TEE", {}, {"If_Match": "*"}),
        ("post", "stock/adjustments", ADJUSTMENT, {}),
    ):
        answer = staff(method, path, {**body, field: "1"}, **headers)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_field")


def test_from_a_draft_to_the_shop_window(staff, api):
    made = staff("post", "products", NEW_PRODUCT)
    assert (made.status_code, made.json()["status"]) == (201, "draft")
    path = f"products/{made.json()['id']}"
    with capture_events() as events:
        assert staff("post", f"{path}/variants", NEW_VARIANT, If_Match="*").status_code == 201
        variant = staff("get", "variants/SCARF-RED")
        price = {"amount_minor": 3900, "tax_included_country": "NL"}
        assert staff("put", "variants/SCARF-RED/prices/EUR", price, If_Match=variant["ETag"]).status_code == 200
        etag = staff("get", path)["ETag"]
        changes = {"status": "active", "restrictions": [{"country": "JP", "reason": "Not licensed."}]}
        assert staff("patch", path, changes, If_Match=etag).status_code == 200
    assert [(event.data["version"], event.data["active"]) for event in events] == [(1, False), (2, False), (3, True)]
    assert events[2].data["restrictions"] == changes["restrictions"]
    assert api.get("/api/v1/products/scarf").json()["variants"][0]["price"]["amount_minor"] == 3900
    assert [each["slug"] for each in api.get("/api/v1/products", {"attr_colour": "red"}).json()["data"]] == ["scarf"]


def test_names_that_are_taken_are_refused(staff, tee):
    taken = staff("post", "products", {**NEW_PRODUCT, "slug": "tee"})
    assert (taken.status_code, taken.json()["code"]) == (409, "slug_taken")
    taken = staff("post", f"products/{tee.id}/variants", {**NEW_VARIANT, "sku": "TEE"}, If_Match="*")
    assert (taken.status_code, taken.json()["code"]) == (409, "sku_taken")
    assert staff("post", f"products/{tee.id}/variants", {**NEW_VARIANT, "sku": "tee"}, If_Match="*").status_code == 201


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"hs_code": "12"}, "#/hs_code"),
        ({"origin": "Italy"}, "#/origin"),
        ({"weight_g": 0}, "#/weight_g"),
        ({"duty_units": {"gallon": "1"}}, "#/duty_units"),
        ({"duty_units": {"l": "much"}}, "#/duty_units/l"),
        ({"options": {"Size": "M"}}, "#/options"),
        ({"labels": {"fr": "rouge"}}, "#/labels"),
        ({"sku": "A B"}, "#/sku"),
    ],
)
def test_a_variant_that_customs_could_not_read_is_refused(staff, tee, change, pointer):
    answer = staff("post", f"products/{tee.id}/variants", {**NEW_VARIANT, **change}, If_Match="*")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_an_english_title_is_required(staff):
    answer = staff("post", "products", {**NEW_PRODUCT, "texts": {"de": {"title": "Schal"}}})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "#/texts")


def test_stock_is_adjusted_once_per_key_with_a_reason_and_never_below_what_is_promised(staff):
    for replayed in (None, "true"):
        answer = staff("post", "stock/adjustments", ADJUSTMENT, Idempotency_Key="one")
        assert (answer.status_code, answer.get("Idempotent-Replayed")) == (201, replayed)
    assert answer.json()["available"] == 8
    Orders([("TEE", 7)]).placed()
    refused = staff("post", "stock/adjustments", ADJUSTMENT)
    assert (refused.status_code, refused.json()["code"], refused.json()["available"]) == (409, "stock_promised", 1)
    assert levels("TEE") == (8, 7, 0)
    assert StockMovement.objects.filter(reason="damaged").count() == 1
    unknown = staff("post", "stock/adjustments", {**ADJUSTMENT, "sku": "NOTHING"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_stock")


def test_stock_is_listed_by_what_is_left(staff, make_product, statements):
    make_product("GONE", stock={"NL-AMS": 0, "JP-TYO": 3})
    with statements() as run:
        rows = staff("get", "stock", {"available_lte": 0}).json()["data"]
    assert rows == [{"sku": "GONE", "warehouse": "NL-AMS", "on_hand": 0, "held": 0, "committed": 0, "available": 0}]
    assert len(run) <= 6
    page = staff("get", "stock", {"limit": 2}).json()
    rest = staff("get", "stock", {"limit": 2, "cursor": page["next_cursor"]}).json()["data"]
    assert [(row["sku"], row["warehouse"]) for row in [*page["data"], *rest]] == [
        ("GONE", "JP-TYO"),
        ("GONE", "NL-AMS"),
        ("TEE", "NL-AMS"),
    ]


def test_staff_lists_cost_the_same_however_long(staff, make_product, statements):
    staff("get", "products")  # the key set is in memory from now on
    with statements() as few:
        staff("get", "products")
    for number in range(10):
        make_product(f"MORE-{number}")
    with statements() as many:
        assert len(staff("get", "products", {"q": "more"}).json()["data"]) == 10
    assert len(few) == len(many) <= 6
    path = f"products/{Product.objects.first().pk}"
    with statements() as whole:
        staff("get", path)
    assert len(whole) <= 7, whole  # with whom the token belongs to


def test_prices_are_imported_row_by_row(staff, api, staff_headers):
    table = "sku,currency,amount_minor,tax_included_country\nTEE,EUR,1234,NL\nTEE,euro,1,\nNOTHING,EUR,1,\nTEE,GBP,,\n"
    for told in (1, 0):
        with capture_events() as events:
            answer = api.post(
                "/api/v1/staff/imports?kind=prices", table.encode(), content_type="text/csv", headers=staff_headers
            )
        assert answer.status_code == 200
        assert answer.json()["applied"] == 1
        assert [(each["row"], each["code"]) for each in answer.json()["errors"]] == [
            (2, "invalid_currency"),
            (3, "unknown_sku"),
            (4, "required"),
        ]
        assert len(events) == told
    assert Price.objects.get(variant_id="TEE", currency="EUR").amount_minor == 1234


def test_counted_stock_is_imported_row_by_row(staff, tee):
    Orders([("TEE", 6)]).placed()
    rows = [
        {"sku": "TEE", "warehouse": "NL-AMS", "on_hand": 5},
        {"sku": "TEE", "warehouse": "JP-TYO", "on_hand": 4},
        {"sku": "TEE", "warehouse": "XX", "on_hand": 4},
    ]
    answer = staff("post", "imports?kind=stock", {"rows": rows}).json()
    assert (answer["applied"], [each["code"] for each in answer["errors"]]) == (1, ["stock_promised", "unknown_stock"])
    assert (levels("TEE"), levels("TEE", "JP-TYO")) == ((10, 6, 0), (4, 0, 0))


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 6)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "red").save(out, kind)
    return out.getvalue()


def upload(api, product: Product, headers: dict, content: bytes, **fields):
    file = SimpleUploadedFile("../../evil.php", content, content_type="image/png")
    path = f"/api/v1/staff/products/{product.id}/media"
    return api.post(path, {"file": file, **fields}, format="multipart", headers=headers)


def test_a_picture_is_kept_once_drawn_anew_and_shown(api, tee, staff_headers):
    content = picture("JPEG") + b"<?php hidden ?>"
    for _ in range(2):
        answer = upload(api, tee, staff_headers, content, alt_en="A red square")
        assert answer.status_code == 201, answer.json()
    media = Media.objects.get()
    assert (media.width, media.height) == (8, 6)
    assert b"php" not in media.file.read() + media.file.name.encode()
    shown = api.get("/api/v1/products/tee").json()["media"]
    assert [(each["alt"], each["url"].rsplit(".", 1)[1]) for each in shown] == [("A red square", "jpg")]


@pytest.mark.parametrize("content", [b"GIF89a" + bytes(50), b"<svg/>", b"x", picture(size=(4001, 1)), picture()[:40]])
def test_what_is_no_small_picture_is_refused(api, tee, staff_headers, content):
    answer = upload(api, tee, staff_headers, content)
    assert (answer.status_code, answer.json()["code"][:8]) == (400, "picture_")
    assert not Media.objects.exists()


def test_a_variant_taken_off_sale_leaves_the_shop_window(staff, api):
    with capture_events() as events:
        assert staff("patch", "variants/TEE", {"active": False}, If_Match="*").status_code == 200
    assert events[0].data["active"] is False
    assert api.get("/api/v1/products").json()["data"] == []
    assert api.get("/api/v1/products/tee").json()["variants"] == []
    assert Variant.objects.get().version == 2
