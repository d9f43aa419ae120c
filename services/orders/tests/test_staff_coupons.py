"""Coupons as staff make them."""

from __future__ import annotations

import pytest
from auth_jwt.testing import bearer
from orders.models import Coupon


@pytest.fixture
def tenth(db) -> Coupon:
    return Coupon.objects.create(code="TENTH", percent=10)


def coupon_body(**changes) -> dict:
    return {"code": "welcome", "percent": "12.5", "limit_total": 100, "minimum": {"EUR": 5000}, **changes}


def test_staff_make_change_and_remove_coupons(staff, shopper):
    made = staff.call("post", "staff/coupons", coupon_body())
    assert (made.status_code, made.json()["code"], made.json()["percent"], made.json()["uses"]) == (
        201,
        "WELCOME",
        "12.5",
        0,
    )
    assert staff.call("post", "staff/coupons", coupon_body()).json()["code"] == "coupon_exists"
    path = "staff/coupons/WELCOME"
    assert staff.call("patch", path, {"active": False}).status_code == 428
    changed = staff.call("patch", path, {"limit_total": 5, "valid_to": "2030-01-01T00:00:00Z"}, If_Match='"1"')
    assert (changed.json()["limit_total"], changed["ETag"]) == (5, '"2"')
    assert staff.call("patch", path, {"limit_total": 6}, If_Match='"1"').status_code == 412
    refused = staff.call("patch", path, {"amounts": {"EUR": 5}}, If_Match="*")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "percent_or_amounts")
    assert [row["code"] for row in staff.call("get", "staff/coupons?active=true").json()["data"]] == ["WELCOME"]
    shopper.buy("COFFEE-1KG", 3, coupon="WELCOME")
    used = staff.call("delete", path, If_Match="*")
    assert (used.status_code, used.json()["code"]) == (409, "coupon_in_use")
    staff.call("post", "staff/coupons", coupon_body(code="SPARE"))
    assert staff.call("delete", "staff/coupons/SPARE", If_Match="*").status_code == 204
    assert staff.call("get", "staff/coupons/SPARE").status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"percent": None},
        {"amounts": {"EUR": 5}},
        {"percent": "0"},
        {"percent": "101"},
        {"percent": None, "amounts": {"XXX": 5}},
        {"percent": None, "amounts": {"EUR": 0}},
        {"minimum": {"EUR": -1}},
        {"code": "a b"},
        {"valid_from": "2030-01-02T00:00:00Z", "valid_to": "2030-01-01T00:00:00Z"},
        {"uses": 3},
    ],
)
def test_coupons_that_make_no_sense_are_refused(staff, changes):
    assert staff.call("post", "staff/coupons", coupon_body(**changes)).status_code == 400
    assert not Coupon.objects.exists()


def test_support_may_look_at_coupons_and_only_finance_changes_them(staff, tenth):
    staff.headers = bearer(staff.user_id, ["support"])
    assert staff.call("get", "staff/coupons/TENTH").status_code == 200
    assert staff.call("post", "staff/coupons", coupon_body()).status_code == 403
    staff.headers = bearer(staff.user_id, ["finance"], auth_time=1)
    assert staff.call("post", "staff/coupons", coupon_body()).json()["code"] == "login_too_old"
