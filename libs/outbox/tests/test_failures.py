"""What fails, whose fault it was, and who waits for it: the relay with a broker in memory."""

import json
import time
from collections import Counter
from datetime import UTC, datetime
from threading import Event as Flag

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.db import transaction
from outbox import dead
from outbox.claims import Row
from outbox.conf import conf
from outbox.errors import BrokerUnavailable, MessageRejected, NotWaiting, ProducerDied, TopicUnavailable
from outbox.models import DeadEvent, KeyBlock, OutboxEvent
from outbox.publishing import pending_count, publish
from outbox.receiving import handle_one
from outbox.relay import Relay, Totals, send_in_order
from outbox.testing import MemoryBroker, MemoryProducer
from project.models import Diary
from project.writing import Counted, count
from prometheus_client import REGISTRY

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def broker():
    return MemoryBroker({conf.TOPIC})


@pytest.fixture
def relay(broker):
    made = Relay(broker.producer)
    yield made
    made.close()


def sent(broker, key):
    return [json.loads(row.payload)["number"] for row in broker.messages if row.key == key]


def unblock():
    """Let the waiting time of every blocked key be over."""
    KeyBlock.objects.filter(until__isnull=False).delete()


def write(*keys):
    for key in keys:
        count(key)


def bury(broker, relay, key="bad"):
    """Let the broker refuse the key until its first event is dead."""
    broker.fail(MessageRejected("too large"), key=key)
    for _ in range(conf.MAX_ATTEMPTS):
        relay.drain(5)
        unblock()


def test_a_refused_message_stops_its_key_alone(broker, relay):
    write("bad", "good", "bad", "good")
    broker.fail(MessageRejected("too large"), key="bad")
    relay.drain(5)
    assert (sent(broker, "good"), sent(broker, "bad")) == ([1, 2], [])
    first, second = OutboxEvent.objects.order_by("id")
    assert (first.attempts, first.last_error, second.attempts) == (1, "too large", 0)
    relay.drain(5)
    first.refresh_from_db()
    assert first.attempts == 1, "the key waits before its next attempt"


def test_a_key_that_recovers_goes_on_in_order(broker, relay):
    write("bad", "bad", "bad")
    broker.fail(MessageRejected("invalid"), key="bad", times=2)
    for _ in range(3):
        relay.drain(5)
        unblock()
    assert sent(broker, "bad") == [1, 2, 3]
    assert not KeyBlock.objects.exists()


def test_the_last_attempt_makes_it_dead_and_its_key_waits_for_a_person(broker, relay):
    write("bad", "bad", "good")
    bury(broker, relay)
    broker.heal()
    relay.drain(5)
    [event] = dead.waiting()
    assert (event.key, event.attempts, event.reason) == ("bad", conf.MAX_ATTEMPTS, "too large")
    assert KeyBlock.objects.get().until is None
    assert (sent(broker, "bad"), sent(broker, "good")) == ([], [1])


def test_replay_puts_it_back_into_its_old_place(broker, relay):
    write("bad", "bad")
    before = OutboxEvent.objects.order_by("id").first()
    bury(broker, relay)
    broker.heal()
    write("bad")
    dead.replay(dead.waiting()[0].id, by="ada")
    after = OutboxEvent.objects.order_by("id").first()
    assert (after.id, after.event_id, after.attempts) == (before.id, before.event_id, 0)
    relay.drain(5)
    assert sent(broker, "bad") == [1, 2, 3]
    assert DeadEvent.objects.get().replayed_by == "ada"


def test_discard_lets_the_later_events_follow(broker, relay):
    write("bad", "bad")
    bury(broker, relay)
    broker.heal()
    call_command("outbox_dead", "discard", "--all", "--by", "ada")
    relay.drain(5)
    assert sent(broker, "bad") == [2]
    with pytest.raises(NotWaiting):
        dead.replay(DeadEvent.objects.get().id, by="ada")


def test_the_admin_replays_and_logs_who_did_it(broker, relay, admin_client):
    write("bad")
    bury(broker, relay)
    [event] = dead.waiting()
    for page in ("outboxevent", "keyblock", "deadevent", "parkedevent"):
        assert admin_client.get(f"/admin/outbox/{page}/").status_code == 200
    answer = admin_client.post("/admin/outbox/deadevent/", {"action": "replay", "_selected_action": [event.id]})
    assert answer.status_code == 302
    assert OutboxEvent.objects.get().event_id == event.event_id
    assert LogEntry.objects.get().object_id == str(event.id)


@pytest.mark.parametrize("error", [BrokerUnavailable("timed out"), TopicUnavailable("not authorized")])
def test_what_is_not_the_messages_fault_counts_no_attempt(broker, relay, error):
    write("a", "a", "b")
    broker.fail(error)
    for _ in range(10):
        relay._not_before = 0
        relay._held.clear()
        assert relay.drain(5).published == 0
    assert set(OutboxEvent.objects.values_list("attempts", flat=True)) == {0}
    assert not KeyBlock.objects.exists()
    broker.heal()
    relay._not_before = 0
    relay._held.clear()
    relay.drain(5)
    assert (sent(broker, "a"), sent(broker, "b")) == ([1, 2], [1])


def test_in_an_outage_nothing_more_is_begun(broker):
    now = datetime.now(UTC)
    places = [("a", 1), ("b", 1), ("b", 2)]
    rows = [
        Row(0, id, "events", key, "t", f'{{"number": {number}}}', "{}", now, 0)
        for id, (key, number) in enumerate(places)
    ]
    broker.fail(BrokerUnavailable("timed out"), key="a")
    result = send_in_order(broker.producer(), rows)
    assert sent(broker, "b") == [1]
    assert result.acknowledged == [rows[1]]
    assert [row for row, _ in result.failures] == [rows[0]]


def test_an_outage_backs_off(broker, relay):
    write("a")
    broker.fail(BrokerUnavailable("away"), times=1)
    relay.drain(5)
    assert relay.drain(0.001).claimed == 0
    assert pending_count() == 1


def test_a_missing_topic_makes_its_events_wait(broker, relay):
    broker.topics.clear()
    write("a")
    relay.drain(5)
    assert (pending_count(), broker.messages) == (1, [])


def test_a_dead_producer_is_built_anew(broker, relay):
    write("a", "a")
    broker.fail(ProducerDied("fatal"), times=1)
    relay.drain(5)
    relay._not_before = 0
    relay.drain(5)
    assert broker.producers_made == 2
    assert sent(broker, "a") == [1, 2]


def test_a_claim_takes_so_many_rows_of_each_lane(broker, relay, settings):
    settings.OUTBOX = {**settings.OUTBOX, "BATCH_SIZE": 2}
    with transaction.atomic():
        publish(*[Counted(f"key-{n}", 1, {"number": n}) for n in range(200)])
    relay._round(Totals(), None)
    lanes = Counter(row.lane for row in broker.messages)
    assert len(lanes) == 8
    assert set(lanes.values()) == {2}


def test_a_claim_of_large_events_does_not_take_all_of_them_into_memory(broker, relay, settings):
    settings.OUTBOX = {**settings.OUTBOX, "VALIDATE": False}
    with transaction.atomic():
        for n in range(60):
            publish(Counted(f"key-{n}", 1, {"number": n, "text": "x" * 800_000}))
    relay._round(Totals(), None)
    assert 10 <= len(broker.messages) < 25, "about eight megabytes"
    relay.drain(20)
    assert len(broker.messages) == 60


def test_a_run_ends_within_its_time_and_the_next_goes_on(broker, relay, monkeypatch):
    def slowly(self, row, reports):
        time.sleep(0.01)  # a broker that takes its time
        quickly(self, row, reports)

    quickly = MemoryProducer.send
    monkeypatch.setattr(MemoryProducer, "send", slowly)
    with transaction.atomic():
        publish(*[Counted("hot", n, {"number": n}) for n in range(1, 101)])
    first = relay.drain(0.2).published
    assert 0 < first < 100
    relay.drain(20)
    assert sent(broker, "hot") == list(range(1, 101))


def test_silence_ends_a_claim_and_a_new_producer_sends_it_again(broker, relay, settings):
    settings.OUTBOX = {**settings.OUTBOX, "PUBLISH_SECONDS": 0.3}
    write("a", "a")
    broker.fail(None, key="a", times=1)
    relay.drain(5)
    assert (sent(broker, "a"), pending_count()) == ([1], 2)
    relay._not_before = 0
    relay.drain(5)
    assert broker.producers_made == 2
    assert sent(broker, "a") == [1, 1, 2], "whether the first arrived is not known, so it is sent again, in order"
    assert set(OutboxEvent.objects.values_list("attempts", flat=True)) == set()


def test_once_asked_to_stop_a_relay_begins_nothing_more_and_keeps_what_was_acknowledged(broker, relay):
    write("a", "a", "a")
    stop = Flag()
    stop.set()
    now = datetime.now(UTC)
    rows = [Row(0, id, "events", "a", "t", f'{{"number": {id}}}', "{}", now, 0) for id in (1, 2, 3)]
    assert [row.id for row in send_in_order(broker.producer(), rows, stop=stop).acknowledged] == [1]


def test_what_the_memory_broker_holds_can_be_handed_to_the_handlers(broker, relay):
    write("a", "a", "b")
    relay.drain(5)
    for record in broker.records():
        handle_one(record)
    assert list(Diary.objects.filter(key="a").order_by("id").values_list("number", flat=True)) == [1, 2]


def test_the_circuit_is_told_by_its_metric(broker, relay):
    write("a")
    broker.fail(BrokerUnavailable("away"), times=1)
    relay.drain(5)
    assert REGISTRY.get_sample_value("outbox_circuit_open") == 1
    relay._not_before = 0
    relay.drain(5)
    assert REGISTRY.get_sample_value("outbox_circuit_open") == 0


def test_every_run_says_what_it_did_in_one_line(broker, relay, caplog):
    write("a", "b")
    broker.fail(MessageRejected("too large"), key="b")
    with caplog.at_level("INFO", logger="outbox.relay"):
        relay.drain(5)
    [line] = [record for record in caplog.records if record.message == "outbox drained"]
    assert (line.claimed, line.published, line.failed, line.dead) == (2, 1, 1, 0)
    assert line.oldest_seconds >= 0
    assert line.duration > 0


def test_a_hot_key_does_not_keep_others_waiting(broker, relay):
    with transaction.atomic():
        publish(*[Counted("hot", n, {"number": n}) for n in range(1, 201)])
        publish(*[Counted(f"cold{n}", 1, {"number": 1}) for n in range(64)])
    relay.drain(5)
    assert sent(broker, "hot") == list(range(1, 201))
    keys = [row.key for row in broker.messages]
    last_cold = max(index for index, key in enumerate(keys) if key != "hot")
    assert sum(key == "hot" for key in keys[:last_cold]) <= 32, "at most its share of two claims came first"


def test_without_brokers_nothing_fails_and_nothing_is_lost(settings):
    settings.OUTBOX = {**settings.OUTBOX, "BOOTSTRAP_SERVERS": ""}
    write("a")
    relay = Relay()
    assert relay.drain(5).published == 0
    assert pending_count() == 1


def test_a_broker_that_is_away_counts_no_attempt(no_broker):
    write("a", "b")
    relay = Relay()
    assert relay.drain(1).published == 0
    relay.close()
    assert set(OutboxEvent.objects.values_list("attempts", flat=True)) == {0}
