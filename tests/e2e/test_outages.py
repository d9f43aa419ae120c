"""Parts of the system go away while people shop; nothing is lost, nothing happens twice."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import redis

from deploy.local.shopper import Shopper, wait_for
from tests.e2e.conftest import COFFEE, MUG, TEE

pytestmark = pytest.mark.usefixtures("sound")


def test_kafka_is_away_during_checkout_and_the_order_completes_when_it_is_back(new_shopper, stack):
    buyer = new_shopper()
    cart = buyer.put(buyer.open_cart(currency="EUR"), TEE, 1)
    with stack.without("kafka"):
        order = buyer.check_out(buyer.quote(cart, "DE", "EUR"))
        assert buyer.order(order)["state"] == "pending_stock"
        assert buyer.ask("GET", "products").json()["data"]
    buyer.wait_until(order, "awaiting_payment", seconds=90)
    buyer.pay(order)
    buyer.wait_until(order, "paid", seconds=60)
    assert buyer.timeline(order).count("paid") == 1


def test_redis_is_emptied_while_orders_are_under_way(new_shopper, stack):
    buyers = [new_shopper() for _ in range(3)]
    orders = [buyer.order_one(COFFEE) for buyer in buyers]
    for buyer, order in zip(buyers, orders, strict=True):
        buyer.pay(order)
        redis.Redis.from_url(stack.variables["CELERY_BROKER_URL"]).flushall()
    for buyer, order in zip(buyers, orders, strict=True):
        buyer.wait_until(order, "paid", seconds=60)
        assert order["number"] in buyer.mail("confirmed", seconds=60)["subject"]


def test_redis_is_away_and_the_shop_still_takes_orders(new_shopper, stack):
    buyer = new_shopper()
    with stack.without("redis"):
        order = buyer.order_one(MUG)
        buyer.wait_until(order, "awaiting_payment", seconds=60)
        buyer.pay(order)
    buyer.wait_until(order, "paid", seconds=90)


@pytest.mark.parametrize(
    ("group", "role"),
    [
        ("orders", "events"),
        ("catalog", "events"),
        ("payments", "events"),
        ("payments", "worker"),
        ("orders", "web"),
        ("notifications", "worker"),
        ("sandbox", "sandbox"),
        ("gateway", "gateway"),
        ("database", "database"),
        ("redis", "redis"),
    ],
)
def test_a_process_is_killed_and_every_purchase_under_way_ends_paid(new_shopper, stack, group, role):
    buyers = [new_shopper() for _ in range(3)]
    orders = [buyer.order_one(COFFEE) for buyer in buyers]
    with ThreadPoolExecutor(4) as pool:
        paying = [pool.submit(pay_patiently, buyer, order) for buyer, order in zip(buyers, orders, strict=True)]
        stack.kill(group, role)
        for payment in paying:
            payment.result()
    for buyer, order in zip(buyers, orders, strict=True):
        wait_for(lambda b=buyer, o=order: is_paid_at_last(b, o), 90, f"{order['number']} to be paid")


def pay_patiently(buyer: Shopper, order: dict) -> None:
    """As a storefront does: the same request with the same key until it is answered."""
    body = {"payment_method": "tok_success", "return_url": f"{buyer.layout.url('gateway')}/thanks"}

    def accepted() -> bool:
        try:
            path, headers = f"payments/{order['payment_id']}/confirm", {"Idempotency-Key": order["id"]}
            answer = buyer.ask("POST", path, expect=None, json=body, headers=headers)
        except httpx.TransportError:
            return False
        return answer.status_code == 202 or answer.json().get("code") in {"already_paid", "payment_in_progress"}

    wait_for(accepted, 90, f"the payment of {order['number']} to be accepted")


def is_paid_at_last(buyer: Shopper, order: dict) -> bool:
    """Whether the order is paid; a shopper whose attempt the provider lost is told so, and tries again."""
    if state_of(buyer, order) == "awaiting_payment":
        payment = buyer.payment(order)
        if payment["status"] == "created" and payment["last_error"]:
            buyer.ask(
                "POST",
                f"payments/{order['payment_id']}/confirm",
                expect=None,
                json={"payment_method": "tok_success", "return_url": f"{buyer.layout.url('gateway')}/thanks"},
                headers={"Idempotency-Key": secrets.token_hex(12)},
            )
    return state_of(buyer, order) == "paid"


def state_of(buyer: Shopper, order: dict) -> str:
    try:
        answer = buyer.ask("GET", f"orders/{order['id']}", expect=None)
    except httpx.TransportError:
        return "unreachable"
    return answer.json()["state"] if answer.status_code == 200 else "unanswered"


def test_every_event_is_delivered_twice_and_nothing_happens_twice(new_shopper, stack):
    buyer = new_shopper()
    order = buyer.order_one(TEE)
    buyer.pay(order)
    buyer.wait_until(order, "paid")
    buyer.mail("confirmed")
    timeline, mails = buyer.timeline(order), mails_to(buyer)
    replayed = replay_all_topics(stack.variables["KAFKA_BOOTSTRAP_SERVERS"])
    assert replayed > 20
    second = new_shopper().order_one(TEE)  # behind the replayed events on every topic's partitions
    assert second["state"] == "pending_stock"
    stack.assert_sound()
    wait_for(lambda: lag_is_gone(stack), 60, "the replayed events to be read")
    assert buyer.timeline(order) == timeline
    assert mails_to(buyer) == mails


def mails_to(buyer: Shopper) -> list[str]:
    found = httpx.get(f"{buyer.layout.url('mailbox')}/messages", params={"to": buyer.email}).json()
    return sorted(mail["subject"] for mail in (found if isinstance(found, list) else found["messages"]))


TOPICS = ("user-events", "stock-events", "order-events", "payment-events")


def replay_all_topics(servers: str) -> int:
    """Write every record of every topic once more, as it is: the same key, headers (and so event id) and value."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

    consumer = Consumer({"bootstrap.servers": servers, "group.id": "replay", "enable.auto.commit": False})
    producer = Producer({"bootstrap.servers": servers, "partitioner": "murmur2_random"})
    replayed = 0
    for topic in TOPICS:
        for partition in range(12):
            where = TopicPartition(topic, partition, OFFSET_BEGINNING)
            end = consumer.get_watermark_offsets(where, timeout=10)[1]
            consumer.assign([where])
            last = -1
            while last < end - 1:
                record = consumer.poll(5)
                if record is None:
                    break
                last = record.offset()
                producer.produce(topic, record.value(), record.key(), partition, headers=record.headers())
                replayed += 1
    consumer.close()
    producer.flush(30)
    return replayed


def lag_is_gone(stack) -> bool:
    """Whether every consuming service has read every partition to its end since now."""
    from confluent_kafka import Consumer, TopicPartition

    servers = stack.variables["KAFKA_BOOTSTRAP_SERVERS"]
    for group in ("catalog", "orders", "payments", "notifications"):
        consumer = Consumer({"bootstrap.servers": servers, "group.id": group, "enable.auto.commit": False})
        try:
            for partition in consumer.committed([TopicPartition("order-events", n) for n in range(12)], timeout=10):
                if group != "orders" and partition.offset >= 0:
                    end = consumer.get_watermark_offsets(partition, timeout=10)[1]
                    if partition.offset < end:
                        return False
        finally:
            consumer.close()
    return True
