"""Case 16: goods leave in parts, and arrive."""

from __future__ import annotations

from orders.models import Order
from outbox.testing import capture_events


def parcel(*quantities: tuple[int, int]) -> dict:
    lines = [{"line_id": line_id, "quantity": quantity} for line_id, quantity in quantities]
    return {"lines": lines, "carrier": "PostNL", "tracking_number": "3SABC"}


def ship(staff, order: Order, body: dict):
    return staff.call("post", f"staff/orders/{order.id}/shipments", body, If_Match="*")


def test_case_16_a_part_then_the_rest_then_delivered(paid, staff):
    first = ship(staff, paid, parcel((1, 1)))
    assert (first.status_code, first.json()["state"]) == (201, "partially_shipped")
    with capture_events() as events:
        second = ship(staff, paid, parcel((1, 1)))
    assert second.json()["state"] == "shipped"
    assert events[0].type == "crossborder.order.shipped.v1"
    assert events[0].data["lines"][0]["quantity"] == 1
    shipments = [shipment["id"] for shipment in second.json()["shipments"]]
    one = staff.call("post", f"staff/shipments/{shipments[0]}/delivery")
    assert one.json()["state"] == "shipped"
    assert staff.call("post", f"staff/shipments/{shipments[0]}/delivery").json()["state"] == "shipped"
    assert staff.call("post", f"staff/shipments/{shipments[1]}/delivery").json()["state"] == "delivered"


def test_case_16_more_than_is_left_an_unknown_line_and_an_unpaid_order_are_refused(paid, staff, shopper):
    assert ship(staff, paid, parcel((1, 3))).json()["code"] == "too_many"
    assert ship(staff, paid, parcel((7, 1))).json()["code"] == "unknown_line"
    unpaid = shopper.buy()
    refused = ship(staff, unpaid, parcel((1, 2)))
    assert (refused.status_code, refused.json()["code"]) == (409, "not_shippable")
    assert not Order.objects.filter(lines__shipped__gt=0).exists()


def test_case_16_a_hold_blocks_shipping_until_it_is_lifted(paid, staff):
    path = f"staff/orders/{paid.id}/holds/review"
    assert staff.call("post", path, If_Match="*").json()["hold_reasons"] == ["review"]
    assert ship(staff, paid, parcel((1, 2))).json()["code"] == "not_shippable"
    assert [row["id"] for row in staff.call("get", "staff/orders?held=true").json()["data"]] == [str(paid.id)]
    assert staff.call("get", "staff/orders?to_ship=true").json()["data"] == []
    assert staff.call("delete", path, If_Match="*").json()["hold_reasons"] == []
    assert ship(staff, paid, parcel((1, 2))).status_code == 201


def test_staff_writes_need_the_version_that_was_read_a_role_and_a_fresh_login(paid, staff, shopper):
    from auth_jwt.testing import bearer

    stale = staff.call("post", f"staff/orders/{paid.id}/shipments", parcel((1, 1)), If_Match='"1"')
    assert stale.status_code == 412
    assert shopper.call("get", "staff/orders").status_code == 403
    staff.headers = bearer(staff.user_id, ["admin"], auth_time=1)
    old = ship(staff, paid, parcel((1, 1)))
    assert (old.status_code, old.json()["code"]) == (403, "login_too_old")


def test_a_shipped_order_is_not_cancelled(paid, staff, shopper):
    ship(staff, paid, parcel((1, 1)))
    answer = shopper.call("post", f"orders/{paid.id}/cancel", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_cancellable")


def test_staff_cancel_what_they_saw_and_nothing_newer(paid, staff):
    stale = staff.call("post", f"staff/orders/{paid.id}/cancel", {}, If_Match='"1"')
    assert stale.status_code == 412
    paid.refresh_from_db()
    assert paid.state == "paid"
    assert staff.call("post", f"staff/orders/{paid.id}/cancel", {}, If_Match=f'"{paid.version}"').status_code == 200
