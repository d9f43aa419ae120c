"""The cases of the saga as orders sees them: in order, twice, and late."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone
from orders.models import Cart, Order, TimelineEntry
from orders.tasks import expire_orders
from orders.use_cases import orders as use_cases
from outbox.models import ConsumerProgress, ParkedEvent
from outbox.testing import capture_events

from tests.conftest import Shopper, said, state_of


def caught_up(at) -> None:
    """Every partition of the topics that expiry waits for was read to its end at this moment."""
    for topic in ("stock-events", "payment-events"):
        for partition in range(12):
            ConsumerProgress.objects.update_or_create(
                consumer="orders", topic=topic, partition=partition, defaults={"caught_up_at": at}
            )


def test_case_2_stock_is_there_and_payment_is_asked_for(shopper, say):
    order = shopper.buy()
    with capture_events() as events:
        say(order, "stock.reserved")
    assert said(events) == ["payment_requested"]
    assert events[0].data["total"]["amount_minor"] == order.total_minor
    shown = shopper.call("get", f"orders/{order.id}").json()
    assert (shown["state"], shown["next_action"]["type"]) == ("awaiting_payment", "pay")


def test_case_3_too_little_stock_rejects_and_gives_the_cart_back(shopper, say):
    order = shopper.buy()
    with capture_events() as events:
        say(order, "stock.rejected", lines=[{"sku": "COFFEE-1KG", "requested": 2, "available": 1}])
    assert said(events) == ["rejected"]
    shown = shopper.call("get", f"orders/{order.id}").json()
    assert shown["rejected_lines"] == [{"sku": "COFFEE-1KG", "requested": 2, "available": 1}]
    assert shopper.open_cart()["id"] == str(order.cart_id)


def test_case_3_the_cart_stays_closed_when_its_owner_opened_another(shopper, say):
    order = shopper.buy()
    other = shopper.open_cart()
    say(order, "stock.rejected", lines=[{"sku": "COFFEE-1KG", "requested": 2, "available": 1}])
    assert Cart.objects.get(open_owner__isnull=False).id.hex == other["id"].replace("-", "")


@pytest.mark.parametrize("first", ["stock.committed", "payment.captured"])
def test_case_4_paid_only_when_both_stock_and_money_were_seen(shopper, say, first):
    order = shopper.buy()
    say(order, "stock.reserved")
    with capture_events() as events:
        say(order, "payment.authorized")
    assert said(events) == ["confirmed"]
    second = {"stock.committed": "payment.captured", "payment.captured": "stock.committed"}[first]
    say(order, first)
    assert state_of(order) == "confirmed"
    with capture_events() as events:
        say(order, second)
    assert said(events) == ["paid"]
    assert state_of(order) == "paid"


def test_case_5_a_declined_payment_leaves_the_order_waiting_and_shows_why(shopper, say):
    order = shopper.buy()
    say(order, "stock.reserved")
    say(order, "payment.failed", code="card_declined", retryable=True)
    assert state_of(order) == "awaiting_payment"
    kinds = [entry["kind"] for entry in shopper.call("get", f"orders/{order.id}/timeline").json()["data"]]
    assert kinds == ["placed", "stock reserved", "payment failed"]


def test_case_6_an_unpaid_order_expires_only_once_the_topics_were_read_past_its_time(shopper, say):
    order = shopper.buy()
    say(order, "stock.reserved")
    now = timezone.now()
    Order.objects.update(expires_at=now - timedelta(minutes=1))
    caught_up(now - timedelta(minutes=5))
    assert expire_orders() == 0
    assert state_of(order) == "awaiting_payment"
    caught_up(now)
    with capture_events() as events:
        assert expire_orders() == 1
    assert said(events) == ["expired"]
    assert expire_orders() == 0


def test_case_6_an_order_whose_time_is_not_up_stays(shopper, say):
    order = shopper.buy()
    caught_up(timezone.now() + timedelta(hours=2))
    assert expire_orders() == 0
    assert state_of(order) == "pending_stock"


def test_case_6_one_partition_behind_is_enough_to_wait(shopper):
    order = shopper.buy()
    now = timezone.now()
    Order.objects.update(expires_at=now - timedelta(minutes=1))
    caught_up(now)
    ConsumerProgress.objects.filter(topic="payment-events", partition=7).update(caught_up_at=now - timedelta(minutes=5))
    assert expire_orders() == 0
    assert state_of(order) == "pending_stock"


def test_the_command_expires_one_order_at_once_and_says_when_it_cannot(shopper, paid):
    order = shopper.buy()
    call_command("expire_orders", "--order", order.number, "--now")
    assert state_of(order) == "expired"
    with pytest.raises(CommandError):
        call_command("expire_orders", "--order", paid.number, "--now")
    with pytest.raises(CommandError):
        call_command("expire_orders", "--now")
    assert state_of(paid) == "paid"


@pytest.mark.parametrize("until", [0, 1, 2, 4])
def test_cases_7_and_8_the_buyer_cancels_before_anything_shipped(shopper, say, until):
    order = shopper.buy()
    for name in ("stock.reserved", "payment.authorized", "stock.committed", "payment.captured")[:until]:
        say(order, name)
    with capture_events() as events:
        answer = shopper.call("post", f"orders/{order.id}/cancel", {"reason": "changed my mind"})
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert said(events) == ["cancelled"]
    again = shopper.call("post", f"orders/{order.id}/cancel", {})
    assert (again.status_code, again.json()["code"]) == (409, "not_cancellable")


@pytest.mark.parametrize("late", ["payment.authorized", "payment.captured", "stock.reserved", "stock.committed"])
def test_case_9_what_comes_late_for_a_closed_order_changes_nothing(shopper, say, late):
    order = shopper.buy()
    say(order, "stock.reserved")
    shopper.call("post", f"orders/{order.id}/cancel", {})
    with capture_events() as events:
        say(order, late)
    assert (said(events), state_of(order)) == ([], "cancelled")


def test_case_10_expiry_cancel_and_payment_race_and_exactly_one_wins(shopper, say):
    for _ in range(5):
        order = shopper.buy()
        say(order, "stock.reserved")

        def expire(order=order):
            return use_cases.expire_order(order_id=order.id, now=timezone.now(), at_once=True)

        def pay(order=order):
            return say(order, "payment.authorized")

        def cancel(order=order):
            return shopper.call("post", f"orders/{order.id}/cancel", {})

        def run(action):
            try:
                return action()
            finally:
                connections.close_all()

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(run, (expire, pay, cancel)))
        kinds = list(TimelineEntry.objects.filter(order=order).values_list("kind", flat=True))[2:]
        assert kinds in (
            ["not paid in time"],
            ["cancelled by a person"],
            ["payment authorized", "cancelled by a person"],
        )
        assert state_of(order) == {"not paid in time": "expired"}.get(kinds[-1], "cancelled")


@pytest.mark.parametrize("paid_first", [False, True])
def test_case_12_stock_lost_cancels(shopper, say, paid_first):
    order = shopper.buy()
    say(order, "stock.reserved")
    say(order, "payment.authorized")
    if paid_first:
        say(order, "stock.committed")
        say(order, "payment.captured")
    with capture_events() as events:
        say(order, "stock.commit_failed", reason="goods_lost")
    assert said(events) == ["cancelled"]
    assert events[0].data["reason"] == "stock_lost"


def test_case_14_a_capture_refused_for_good_cancels(shopper, say):
    order = shopper.buy()
    say(order, "stock.reserved")
    say(order, "payment.authorized")
    with capture_events() as events:
        say(order, "payment.capture_failed", code="expired_authorization", retryable=False)
    assert said(events) == ["cancelled"]


def test_case_21_every_event_twice_is_as_once(shopper, say):
    order = shopper.buy()
    for name in ("stock.reserved", "payment.authorized", "stock.committed", "payment.captured"):
        event_id = str(uuid4())
        assert say(order, name, event_id=event_id) is True
        version = Order.objects.get(pk=order.pk).version
        assert say(order, name, event_id=event_id) is False
        with capture_events() as events:
            say(order, name)  # the same fact under another id, as after a republish
        assert (said(events), Order.objects.get(pk=order.pk).version) == ([], version)
    assert state_of(order) == "paid"


def test_another_payments_authorisation_is_not_ours(shopper, say):
    order = shopper.buy()
    say(order, "stock.reserved")
    say(order, "payment.authorized", payment_id=str(uuid4()))
    assert state_of(order) == "awaiting_payment"


def test_case_11_money_that_payments_gave_back_by_itself_is_shown_once_and_leaves_the_state(paid, shopper, say):
    event_id = str(uuid4())
    refund = {"refund_id": None, "amount": {"amount_minor": 500, "currency": "EUR"}, "event_id": event_id}
    say(paid, "payment.refunded", **refund)
    say(paid, "payment.refunded", **refund)
    shown = shopper.call("get", f"orders/{paid.id}").json()
    assert [entry["amount"]["amount_minor"] for entry in shown["refunds"]] == [500]
    assert shown["state"] == "paid"


def test_someone_elses_order_is_not_there(paid, shopper):
    other = Shopper(shopper.api, uuid4())
    assert other.call("get", f"orders/{paid.id}").status_code == 404
    assert other.call("get", f"orders/{paid.id}/timeline").status_code == 404
    assert other.call("post", f"orders/{paid.id}/cancel", {}).status_code == 404
    assert other.call("get", "orders").json()["data"] == []
    assert state_of(paid) == "paid"


def test_an_order_is_explained_in_words(paid, shopper, say, capsys):
    call_command("explain_order", paid.number)
    assert "is paid" in capsys.readouterr().out
    order = shopper.buy()
    call_command("explain_order", order.number)
    assert "Catalog owes stock.reserved" in capsys.readouterr().out
    say(order, "stock.reserved")
    say(order, "payment.authorized")
    say(order, "stock.committed")
    call_command("explain_order", order.number)
    explained = capsys.readouterr().out
    assert "seen  by catalog" in explained
    assert "OWED  by payments" in explained
    with pytest.raises(CommandError):
        call_command("explain_order", "CB-0000000000")


def test_case_23_an_order_with_a_parked_event_is_not_expired(shopper, say):
    order = shopper.buy()
    now = timezone.now()
    Order.objects.update(expires_at=now - timedelta(minutes=1))
    caught_up(now)
    parked = ParkedEvent.objects.create(
        consumer="orders", topic="payment-events", partition=1, offset=1, key=str(order.id), headers="{}", value=b"{}",
        reason="?", next_try=now, parked_at=now,
    )  # fmt: skip
    assert expire_orders() == 0
    parked.delete()
    assert expire_orders() == 1


def test_case_15_while_the_provider_is_silent_the_order_waits_and_says_so(shopper, say):
    order = shopper.buy()
    say(order, "stock.reserved")
    say(order, "payment.authorized")
    say(order, "stock.committed")
    shown = shopper.call("get", f"orders/{order.id}")
    assert (shown.json()["state"], shown.json()["next_action"]["type"]) == ("confirmed", "wait")
    assert shown["Retry-After"] == "1"


@pytest.mark.parametrize("stock_again", [True, False])
def test_case_24_orders_was_down_for_a_day_and_reads_a_payment_made_in_time(shopper, say, stock_again):
    """Catalog's backstop has released the hold: that closes nothing here, the confirmation takes it again or fails."""
    order = shopper.buy()
    say(order, "stock.reserved")
    Order.objects.update(expires_at=timezone.now() - timedelta(hours=25))
    with capture_events() as events:
        say(order, "stock.released", reason="backstop")
        assert expire_orders() == 0, "the topics were not read past its time yet"
        say(order, "payment.authorized")
        say(order, "stock.committed" if stock_again else "stock.commit_failed", reason="gone")
        say(order, "payment.captured")
    assert said(events) == ["confirmed", "paid" if stock_again else "cancelled"]


def test_what_comes_late_does_not_change_when_an_order_closed(shopper, say, time_machine_at):
    order = shopper.buy()
    shopper.call("post", f"orders/{order.id}/cancel", {"reason": ""}, If_Match="*")
    closed_at = Order.objects.get(pk=order.pk).closed_at
    assert closed_at is not None
    with time_machine_at(hours=1):
        say(order, "payment.captured")
    order.refresh_from_db()
    assert (order.state, order.payment_captured, order.closed_at) == ("cancelled", True, closed_at)
