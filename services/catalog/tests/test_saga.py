"""The cases of the saga as catalog sees them: in order, twice, and late."""

from __future__ import annotations

from uuid import uuid4

import pytest
from catalog.models import Discrepancy, Reservation, Stock, StockMovement
from catalog.tasks import audit_invariants, release_backstop
from catalog.use_cases.stock import adjust_stock
from django.utils import timezone
from outbox.testing import capture_events

from tests.conftest import levels, receive


@pytest.fixture(autouse=True)
def shop(make_product):
    make_product("TEE", stock={"NL-AMS": 10})
    make_product("MUG", stock={"NL-AMS": 3})
    yield
    assert audit_invariants() == 0


def said(events) -> list[str]:
    return [event.type.removeprefix("crossborder.stock.").removesuffix(".v1") for event in events]


def state_of(order) -> str:
    return Reservation.objects.get(pk=order.id).state


def test_case_2_stock_is_there_and_held(order):
    placed = order([("TEE", 2), ("MUG", 1), ("TEE", 1)])
    with capture_events() as events:
        placed.placed()
    assert said(events) == ["reserved"]
    assert events[0].key == placed.id
    assert [line["quantity"] for line in events[0].data["lines"]] == [2, 1, 1]
    assert (levels("TEE"), levels("MUG")) == ((10, 3, 0), (3, 1, 0))


def test_case_3_too_little_of_one_thing_holds_nothing_of_any(order):
    placed = order([("TEE", 4), ("MUG", 2), ("MUG", 2), ("NOTHING", 1)])
    with capture_events() as events:
        placed.placed()
    assert said(events) == ["rejected"]
    assert events[0].data["lines"] == [
        {"sku": "MUG", "requested": 4, "available": 3},
        {"sku": "NOTHING", "requested": 1, "available": 0},
    ]
    assert (levels("TEE"), levels("MUG")) == ((10, 0, 0), (3, 0, 0))


def test_case_4_payment_authorised_commits_what_was_held(order):
    placed = order([("TEE", 2)])
    placed.placed()
    with capture_events() as events:
        placed.confirmed()
    assert said(events) == ["committed"]
    assert levels("TEE") == (10, 0, 2)


@pytest.mark.parametrize("paid", [False, True], ids=["case_7_before_paid", "case_8_when_paid"])
@pytest.mark.parametrize("why", ["cancelled", "expired", "rejected"])
def test_a_closed_order_gives_its_stock_back(order, paid, why):
    placed = order([("TEE", 2)])
    placed.placed()
    if paid:
        placed.confirmed()
    with capture_events() as events:
        placed.closed(why)
    assert said(events) == ["released"]
    assert (events[0].data["reason"], events[0].data["lines"][0]["quantity"]) == (why, 2)
    assert levels("TEE") == (10, 0, 0)


def test_case_3_closing_a_rejected_order_says_nothing_of_stock(order):
    placed = order([("MUG", 9)])
    placed.placed()
    with capture_events() as events:
        placed.closed("rejected")
    assert (said(events), state_of(placed)) == ([], "rejected")


def test_case_10_a_confirmation_that_lost_the_race_takes_the_stock_again_and_the_cancel_frees_it(order):
    """Orders decides who wins; catalog only follows, in the order of the topic."""
    placed = order([("TEE", 2)])
    placed.placed()
    placed.closed()
    with capture_events() as events:
        placed.confirmed()
        placed.closed()
    assert said(events) == ["committed", "released"]
    assert levels("TEE") == (10, 0, 0)


def test_case_12_a_hold_that_was_gone_is_taken_again_when_it_can_be(order, time_machine_at):
    placed = order([("TEE", 2)])
    placed.placed()
    with time_machine_at(hours=25):
        release_backstop()
    with capture_events() as events:
        placed.confirmed()
    assert said(events) == ["committed"]
    assert levels("TEE") == (10, 0, 2)


def test_case_12_a_hold_whose_goods_were_sold_makes_the_commit_fail(order, time_machine_at):
    first, second = order([("TEE", 8)]), order([("TEE", 5)])
    first.placed()
    with time_machine_at(hours=25):
        release_backstop()
    second.placed()
    with capture_events() as events:
        first.confirmed()
    assert said(events) == ["commit_failed"]
    assert (events[0].data["reason"], events[0].data["lines"][0]["quantity"]) == ("gone", 8)
    assert levels("TEE") == (10, 5, 0)
    with capture_events() as events:
        first.closed()
    assert said(events) == []


def test_case_16_shipped_in_parts_then_whole(order):
    placed = order([("TEE", 3), ("MUG", 1)])
    placed.placed()
    placed.confirmed()
    placed.shipped({1: 2})
    assert (levels("TEE"), state_of(placed)) == ((8, 0, 1), "committed")
    placed.shipped({1: 1, 2: 1})
    assert (levels("TEE"), levels("MUG"), state_of(placed)) == ((7, 0, 0), (2, 0, 0), "fulfilled")
    assert not Discrepancy.objects.exists()


def test_case_16_a_shipment_is_a_fact_and_a_missing_hold_is_shown_to_a_person(order):
    placed = order([("TEE", 3)])
    placed.placed()
    placed.confirmed()
    placed.closed()
    placed.shipped()
    assert levels("TEE") == (7, 0, 0)
    told = Discrepancy.objects.get()
    assert (told.kind, told.sku, told.quantity, str(told.order_id)) == ("shipment", "TEE", 3, placed.id)


def test_case_16_goods_that_the_books_do_not_have_are_not_booked_below_what_is_promised(order):
    other, placed = order([("TEE", 9)]), order([("TEE", 1)])
    other.placed()
    placed.shipped({1: 1})
    second = order([("TEE", 4)])
    second.shipped()
    assert levels("TEE") == (9, 9, 0)
    assert [told.quantity for told in Discrepancy.objects.order_by("id")] == [1, 4]


def test_case_17_the_unshipped_rest_is_cancelled_and_for_sale_again(order):
    placed = order([("TEE", 3), ("MUG", 1)])
    placed.placed()
    placed.confirmed()
    placed.shipped({1: 2})
    rest = [{**placed.lines[0], "quantity": 1}, placed.lines[1]]
    event_id = uuid4()
    with capture_events() as events:
        placed.say("lines_cancelled", lines=rest, event_id=event_id)
        placed.say("lines_cancelled", lines=rest, event_id=event_id)
        placed.say("lines_cancelled", lines=rest)
    assert said(events) == ["released"]
    assert [line["quantity"] for line in events[0].data["lines"]] == [1, 1]
    assert (levels("TEE"), levels("MUG"), state_of(placed)) == ((8, 0, 0), (3, 0, 0), "fulfilled")


def test_case_18_what_came_back_fit_is_on_hand_again_once(order):
    placed = order([("TEE", 3)])
    placed.placed()
    placed.confirmed()
    placed.shipped()
    returned = {"return_id": str(uuid4()), "lines": [{**placed.lines[0], "quantity": 2, "restock_quantity": 1}]}
    placed.say("return_received", **returned)
    placed.say("return_received", **returned)
    assert levels("TEE") == (8, 0, 0)


@pytest.mark.parametrize("same_id", [True, False], ids=["the_event", "the_fact_under_another_id"])
def test_case_21_everything_twice_is_everything_once(order, same_id):
    placed = order([("TEE", 3)])
    shipment = str(uuid4())
    story = [placed.placed, placed.confirmed, lambda **kw: placed.shipped(shipment_id=shipment, **kw), placed.closed]
    with capture_events() as events:
        for happens in story:
            event_id = uuid4() if same_id else None
            assert happens(event_id=event_id) is True
            assert happens(event_id=event_id) is not same_id
    assert said(events) == ["reserved", "committed"]
    assert levels("TEE") == (7, 0, 0)
    assert StockMovement.objects.filter(sku="TEE").count() == 4  # received, held, committed, shipped


def test_late_news_of_an_old_order_changes_nothing(order):
    placed = order([("TEE", 3)])
    placed.placed()
    placed.confirmed()
    placed.shipped()
    with capture_events() as events:
        placed.placed()
        placed.confirmed()
        placed.closed()
    assert (said(events), levels("TEE"), state_of(placed)) == ([], (7, 0, 0), "fulfilled")


def test_news_of_an_order_that_was_never_placed_here_changes_nothing(order):
    unknown = order([("TEE", 3)])
    with capture_events() as events:
        unknown.confirmed()
        unknown.closed()
    assert (said(events), levels("TEE")) == ([], (10, 0, 0))


def test_case_22_who_is_asked_again_says_the_stored_answer_again(order):
    held, short = order([("TEE", 3)]), order([("MUG", 4)])
    held.placed()
    short.placed()
    receive("MUG", 5)
    with capture_events() as events:
        held.placed(repeat=1)
        short.placed(repeat=1)
        held.confirmed()
        held.confirmed(repeat=1)
        held.placed(repeat=2)
    assert said(events) == ["reserved", "rejected", "committed", "committed", "committed"]
    assert events[1].data["lines"] == [{"sku": "MUG", "requested": 4, "available": 3}]
    assert levels("TEE") == (10, 0, 3)


def test_case_24_the_backstop_releases_only_holds_that_are_a_day_overdue(order, time_machine_at):
    held, committed = order([("TEE", 2)]), order([("TEE", 3)])
    held.placed()
    committed.placed()
    committed.confirmed()
    with time_machine_at(hours=24):
        assert release_backstop() == 0
    with time_machine_at(hours=25), capture_events() as events:
        assert release_backstop() == 1
        assert release_backstop() == 0
    assert [(event.key, event.data["reason"]) for event in events] == [(held.id, "backstop")]
    assert levels("TEE") == (10, 0, 3)


@pytest.mark.django_db(transaction=True)
def test_a_hold_that_cannot_be_released_does_not_stop_the_backstop_for_the_others(order, time_machine_at, caplog):
    broken, sound = order([("TEE", 2)]), order([("MUG", 1)])
    broken.placed()
    sound.placed()
    Stock.objects.filter(variant__sku="TEE").update(held=1)  # the database refuses what is below nothing
    with time_machine_at(hours=25):
        assert release_backstop() == 1
    assert (state_of(broken), state_of(sound)) == ("held", "released")
    assert "could not do a row" in caplog.text
    Stock.objects.filter(variant__sku="TEE").update(held=2)


def test_an_adjustment_below_what_is_promised_is_refused(order):
    from chassis.problems import Conflict

    order([("TEE", 8)]).placed()
    with pytest.raises(Conflict) as refused:
        adjust_stock(sku="TEE", warehouse="NL-AMS", delta=-3, reason="damaged", comment="", by="x", now=timezone.now())
    assert (refused.value.code, refused.value.extra["available"]) == ("stock_promised", 2)
    assert levels("TEE") == (10, 8, 0)
