"""Traps that were measured, not guessed: each of these once lost, reordered, doubled or delayed an event."""

import re
import subprocess
import sys
import threading
import time
import tomllib
from collections import deque
from importlib.resources import files

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from conftest import HERE, eventually, numbers, published
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from outbox.claims import LANES_PER_CLAIM, Row, Session, busy_lanes, lock_lanes, read_rows
from outbox.conf import conf
from outbox.errors import MessageRejected, TopicUnavailable
from outbox.kafka.clients import settings as client_settings
from outbox.kafka.consuming import KafkaConsumer
from outbox.kafka.producing import KafkaProducer
from outbox.lanes import lane_of
from outbox.models import KeyBlock, OutboxEvent
from outbox.publishing import pending_count, publish
from outbox.receiving import handle_one, handle_together
from outbox.relay import Relay
from outbox.testing import MemoryBroker, MemoryProducer
from project.writing import Counted, count

pytestmark = pytest.mark.django_db(transaction=True)


def publish_one(key: str, number: int, **data) -> None:
    publish(Counted(key, number, {"number": number, **data}))


def await_reports(producer: KafkaProducer, rows: list[Row], seconds: float = 15) -> dict[int, object]:
    reports: deque = deque()
    for row in rows:
        producer.send(row, reports)
    deadline = time.monotonic() + seconds
    while len(reports) < len(rows) and time.monotonic() < deadline:
        producer.poll(0.1)
    return {row.id: error for row, error in reports}


def rows_of(topic: str, *payloads: str) -> list[Row]:
    return [Row(0, id, topic, f"key-{id}", "t", payload, "{}", None, 0) for id, payload in enumerate(payloads)]


def test_an_event_that_commits_late_is_sent_although_its_id_is_lower():
    broker = MemoryBroker({conf.TOPIC})
    relay = Relay(broker.producer)
    late = connections.create_connection("default")
    late.set_autocommit(False)
    with late.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox_event (lane, event_id, topic, `key`, type, subject, payload, headers, created_at,"
            " attempts, last_error) VALUES (%s, 'late', %s, 'late', 't', '', '{}', '{}', UTC_TIMESTAMP(6), 0, '')",
            [lane_of(conf.TOPIC, "late"), conf.TOPIC],
        )
    same_lane = next(f"k{n}" for n in range(999) if lane_of(conf.TOPIC, f"k{n}") == lane_of(conf.TOPIC, "late"))
    with transaction.atomic():
        publish_one(same_lane, 1)
    relay.drain(5)
    late.commit()
    late.close()
    relay.drain(5)
    relay.close()
    assert [row.key for row in broker.messages] == [same_lane, "late"]


def test_while_a_relay_sends_no_other_touches_its_lanes():
    began, go_on = threading.Event(), threading.Event()

    class Slow(MemoryProducer):
        def send(self, row, reports) -> None:
            began.set()
            go_on.wait(10)
            super().send(row, reports)

    broker = MemoryBroker({conf.TOPIC})
    with transaction.atomic():
        for number in (1, 2, 3):
            publish_one("a", number)
    slow = Relay(lambda: Slow(broker))
    thread = threading.Thread(target=lambda: (slow.drain(5), slow.close()))
    thread.start()
    assert began.wait(10)
    other = Relay(broker.producer)
    assert other.drain(1).published == 0
    go_on.set()
    thread.join()
    other.drain(5)
    other.close()
    assert [row.payload for row in broker.messages] == ['{"number":1}', '{"number":2}', '{"number":3}']


def test_a_relay_takes_half_of_the_lanes_and_leaves_the_others_to_another():
    first, second, third = Session(), Session(), Session()
    with first.transaction() as a, second.transaction() as b, third.transaction() as c:
        halves = lock_lanes(a, 5), lock_lanes(b, 5)
        assert [len(half) for half in halves] == [LANES_PER_CLAIM, LANES_PER_CLAIM]
        assert sorted(halves[0] + halves[1]) == list(range(16))
        assert lock_lanes(c, 0) == [], "a third stands by"
    for session in (first, second, third):
        session.close()


def test_a_claim_reads_its_rows_and_not_the_whole_backlog():
    """As EXISTS, the question which lanes have rows read all of them: a million made each claim ten times slower."""
    with transaction.atomic():
        publish(*(Counted(f"key-{number}", 1, {"number": 1}) for number in range(4000)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE outbox_event")
        cursor.fetchall()
    session = Session()
    with session.transaction() as cursor:
        before = rows_read(cursor)
        lanes = busy_lanes(cursor)
        assert len(read_rows(cursor, lock_lanes(cursor, 0, lanes), 10)) == 80
        assert rows_read(cursor) - before < 1000
    session.close()


def rows_read(cursor) -> int:
    """How many rows this session has had read so far, by whatever way."""
    cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
    return sum(int(value) for _, value in cursor.fetchall())


def test_a_claim_does_not_hold_up_writers():
    with transaction.atomic():
        for number in range(1, 6):
            publish_one("a", number)
    session = Session()
    with session.transaction() as cursor:
        rows = read_rows(cursor, lock_lanes(cursor, 0) + lock_lanes(cursor, 8), 50)
        cursor.execute("DELETE FROM outbox_event WHERE lane = %s AND id >= %s", [rows[0].lane, rows[0].id])
        with connection.cursor() as writer:
            writer.execute("SET SESSION innodb_lock_wait_timeout = 1")
        with transaction.atomic():
            publish_one("a", 6)
    session.close()
    assert pending_count() == 1


def test_a_full_queue_is_waited_for(topic, settings):
    settings.OUTBOX = {**settings.OUTBOX, "PRODUCER": {"queue.buffering.max.messages": 5}}
    producer = KafkaProducer()
    found = await_reports(producer, rows_of(topic, *["{}"] * 100))
    producer.close()
    assert found == dict.fromkeys(range(100))
    assert len(published(topic)) == 100


def test_a_message_that_the_topic_refuses_is_not_taken_for_sent(topic):
    admin = AdminClient(client_settings("test"))
    limit = ConfigEntry("max.message.bytes", "10000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[limit])
    admin.incremental_alter_configs([resource])[resource].result(10)
    count("large", text="".join(map(str, range(20_000))))
    count("small")
    relay = Relay()
    eventually(lambda: relay.drain(5).failed)
    relay.close()
    assert OutboxEvent.objects.get(key="large").attempts == 1
    assert numbers(published(topic)) == {"small": [1]}


def test_a_message_too_large_for_the_client_is_reported_and_does_not_raise(topic):
    producer = KafkaProducer()
    found = await_reports(producer, rows_of(topic, "x" * 2_000_000, "{}"))
    producer.close()
    assert isinstance(found[0], MessageRejected)
    assert found[1] is None


def test_a_missing_topic_does_not_look_like_an_outage(topic):
    producer = KafkaProducer()
    found = await_reports(producer, rows_of(f"{topic}-missing", "{}"))
    producer.close()
    assert isinstance(found[0], TopicUnavailable)


def test_kafkas_client_is_not_loaded_before_a_process_has_forked():
    code = (
        "import sys, django; django.setup()\n"
        "import outbox.relay, outbox.consumer, outbox.tasks, outbox.publishing, outbox.running\n"
        "sys.exit('confluent_kafka' in sys.modules)"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "project.settings", "PYTHONPATH": ":".join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


def test_pending_rows_lie_by_lane_and_every_write_names_it():
    with connection.cursor() as cursor:
        cursor.execute("SHOW KEYS FROM outbox_event WHERE Key_name = 'PRIMARY'")
        columns = [column[0] for column in cursor.description]
        primary = [dict(zip(columns, each, strict=True))["Column_name"] for each in cursor.fetchall()]
    assert primary == ["lane", "id"]
    source = "".join(path.read_text() for path in files("outbox").iterdir() if path.name.endswith(".py"))
    writes = re.findall(r"(?:DELETE FROM|UPDATE) outbox_event\b[^\"]*", source)
    assert len(writes) >= 3
    assert all("WHERE lane = %s AND id" in write for write in writes)


def test_handling_an_event_sets_no_savepoint(topic):
    with transaction.atomic():
        publish_one("a", 1)
        publish_one("b", 1)
    relay = Relay()
    relay.drain(5)
    relay.close()
    first, second = published(topic)
    with CaptureQueriesContext(connection) as queries:
        assert handle_together([first, second])
        handle_one(first)
    assert not [query["sql"] for query in queries if "SAVEPOINT" in query["sql"]]


def test_keys_that_differ_by_case_or_accent_are_different_keys():
    broker = MemoryBroker({conf.TOPIC})
    relay = Relay(broker.producer)
    with transaction.atomic():
        for key in ("Key-A", "key-a", "Kéy-A"):
            publish_one(key, 1)
            publish_one(key, 2)
    for key in ("Key-A", "key-a"):
        broker.fail(MessageRejected("too large"), key=key)
    relay.drain(5)
    relay.drain(5)
    relay.close()
    assert sorted(KeyBlock.objects.values_list("key", flat=True)) == ["Key-A", "key-a"]
    assert {row.key for row in broker.messages} == {"Kéy-A"}
    assert pending_count() == 4


def test_one_message_is_not_kept_waiting_for_a_full_batch(topic):
    assigned = threading.Event()
    consumer = KafkaConsumer(lambda _: assigned.set(), lambda *_: None)
    eventually(lambda: consumer.batch(100, 0.1) and assigned.is_set())
    count("a")
    relay = Relay()
    relay.drain(5)
    relay.close()
    began, found = time.monotonic(), []
    while not found and time.monotonic() - began < 20:
        found, _ = consumer.batch(100, 8.0)
    consumer.close()
    assert len(found) == 1
    assert time.monotonic() - began < 6, "the batch is handed over when its first message is there"


def test_every_mutation_still_fits_the_source():
    mutations = tomllib.loads((HERE / "mutations.toml").read_text())["mutation"]
    places = [(each["file"], each[old]) for each in mutations for old in ("old", "old_too") if old in each]
    assert len(mutations) >= 41
    assert [place for place in places if (files("outbox") / place[0]).read_text().count(place[1]) != 1] == []
