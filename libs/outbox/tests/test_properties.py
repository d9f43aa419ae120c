"""Properties of the parts that decide: which rows are claimed, in what order they are sent, whose fault an error is."""

import json
from collections import defaultdict, deque

import pytest
from confluent_kafka import KafkaError
from django.db import OperationalError, ProgrammingError, connection
from hypothesis import given, settings
from hypothesis import strategies as st
from outbox import claims
from outbox.backoff import full_jitter
from outbox.claims import Row, Session, read_rows
from outbox.errors import (
    BrokerUnavailable,
    MessageRejected,
    ProducerDied,
    PublishError,
    SchemaViolation,
    TopicUnavailable,
)
from outbox.kafka.producing import MESSAGE_ERRORS, TOPIC_ERRORS, as_publish_error
from outbox.lanes import LANES, lane_of
from outbox.masking import masked
from outbox.relay import send_in_order
from outbox.transactions import CONFLICTS, SERVER_TROUBLE, is_conflict, is_transient

CODES = sorted({value for name, value in vars(KafkaError).items() if isinstance(value, int) and value})
KEYS = st.sampled_from(["a", "b", "c", "d"])
TOPICS = st.sampled_from(["orders", "stock"])


def row(id: int, key: str, topic: str = "orders", lane: int = 3) -> Row:
    return Row(lane, id, topic, key, "t", "{}", "{}", None, 0)


# --- sending ---


class ChancyProducer:
    """Answers in any order, with any error; remembers what was begun and whether two of a key were in flight."""

    def __init__(self, draw: st.DataObject, errors: dict[int, PublishError]) -> None:
        self._draw, self._errors = draw, errors
        self.in_flight: list[tuple[Row, deque]] = []
        self.begun: list[Row] = []
        self.overtaking = False

    def send(self, row: Row, reports: deque) -> None:
        self.overtaking |= any((each.topic, each.key) == (row.topic, row.key) for each, _ in self.in_flight)
        self.begun.append(row)
        self.in_flight.append((row, reports))

    def poll(self, seconds: float) -> None:
        if self.in_flight:
            row, reports = self.in_flight.pop(self._draw.draw(st.integers(0, len(self.in_flight) - 1)))
            reports.append((row, self._errors.get(row.id)))

    def topics(self) -> set[str]:
        return {"orders", "stock"}

    def close(self) -> None: ...


ERRORS = st.sampled_from([MessageRejected("m"), TopicUnavailable("t"), BrokerUnavailable("b"), ProducerDied("d")])


@settings(deadline=None, max_examples=200)
@given(
    keys=st.lists(st.tuples(TOPICS, KEYS), max_size=40),
    errors=st.dictionaries(st.integers(0, 39), ERRORS),
    data=st.data(),
)
def test_whatever_fails_and_in_any_order_each_key_is_sent_in_order_one_at_a_time(keys, errors, data):
    rows = [row(id, key, topic) for id, (topic, key) in enumerate(keys)]
    producer = ChancyProducer(data, errors)
    sent = send_in_order(producer, rows)
    assert not producer.overtaking
    assert producer.in_flight == [], "every report is awaited"
    failed = [each for each, _ in sent.failures]
    assert sorted(each.id for each in sent.acknowledged + failed) == sorted(each.id for each in producer.begun)
    per_key = defaultdict(list)
    for each in rows:
        per_key[each.topic, each.key].append(each.id)
    acknowledged, wrong = {each.id for each in sent.acknowledged}, {each.id for each in failed}
    for ids in per_key.values():
        done = [id for id in ids if id in acknowledged]
        assert done == ids[: len(done)], "no gap: what is acknowledged is the beginning of the key's events"
        assert wrong & set(ids) <= {ids[len(done)]} if len(done) < len(ids) else not wrong & set(ids)
    if not errors:
        assert len(acknowledged) == len(rows)


# --- claiming ---


def place(cursor, rows: list[Row], blocked: set[str]) -> None:
    cursor.execute("DELETE FROM outbox_event")
    cursor.execute("DELETE FROM outbox_key_block")
    for each in rows:
        cursor.execute(
            "INSERT INTO outbox_event (lane, id, event_id, topic, `key`, type, subject, payload, headers, created_at,"
            " attempts, last_error) VALUES (%s, %s, %s, %s, %s, 't', '', '{}', '{}', UTC_TIMESTAMP(6), 0, '')",
            [each.lane, each.id, str(each.id), each.topic, each.key],
        )
    for key in blocked:
        cursor.execute(
            "INSERT INTO outbox_key_block (topic, `key`, lane, attempts, error) VALUES ('orders', %s, 3, 1, '')",
            [key],
        )


@pytest.mark.django_db(transaction=True)
@settings(deadline=None, max_examples=40)
@given(
    keys=st.lists(st.tuples(TOPICS, KEYS), max_size=30),
    blocked=st.sets(KEYS, max_size=2),
    held=st.sets(TOPICS, max_size=1),
    batch=st.integers(1, 12),
)
def test_a_claim_takes_the_beginning_of_each_key_that_does_not_wait(keys, blocked, held, batch):
    rows = [row(id + 1, key, topic) for id, (topic, key) in enumerate(keys)]
    share, claims.ROWS_PER_KEY = claims.ROWS_PER_KEY, 3
    try:
        with connection.cursor() as cursor:
            place(cursor, rows, blocked)
            found = read_rows(cursor, [3], batch, held)
    finally:
        claims.ROWS_PER_KEY = share
    assert len(found) <= batch
    assert len({each.id for each in found}) == len(found)
    taken = defaultdict(list)
    for each in found:
        taken[each.topic, each.key].append(each.id)
    for (topic, key), ids in taken.items():
        mine = [each.id for each in rows if (each.topic, each.key) == (topic, key)]
        assert ids == mine[: len(ids)], "never a later one before an earlier one"
        assert len(ids) <= 3
        assert topic not in held
        assert not (topic == "orders" and key in blocked)
    if len(found) < batch:
        free = {(t, k) for t, k in keys if t not in held and not (t == "orders" and k in blocked)}
        assert taken.keys() == free, "no key starves while there is room"


@given(topic=st.text(max_size=20), key=st.text(max_size=50))
def test_a_key_has_one_lane_for_ever(topic, key):
    assert lane_of(topic, key) == lane_of(topic, key)
    assert 0 <= lane_of(topic, key) < LANES


@pytest.mark.parametrize(("key", "lane"), [("a", 5), ("order-1", 7), ("ключ", 4)])
def test_the_lanes_of_rows_that_are_written_already_never_change(key, lane):
    assert lane_of("order-events", key) == lane


# --- waiting ---


@given(failures=st.integers(0, 10**9), first=st.floats(0.01, 5), longest=st.floats(5, 3600))
def test_a_wait_is_never_shorter_than_the_first_nor_longer_than_the_longest(failures, first, longest):
    assert first <= full_jitter(failures, first=first, longest=longest) <= longest


def test_waits_grow_and_are_spread():
    early, late = ([full_jitter(failures) for _ in range(200)] for failures in (1, 12))
    assert max(early) <= 0.2 < max(late)
    assert max(late) - min(late) > 10, "relays that failed together do not come back together"


# --- whose fault ---


@given(code=st.sampled_from(CODES))
def test_only_a_messages_own_fault_counts_as_its_attempt(code):
    error = as_publish_error(KafkaError(code))
    expected = (
        MessageRejected if code in MESSAGE_ERRORS else TopicUnavailable if code in TOPIC_ERRORS else BrokerUnavailable
    )
    assert isinstance(error, expected)
    assert str(error)


@given(code=st.sampled_from(CODES))
def test_a_fatal_error_always_asks_for_a_new_producer(code):
    assert isinstance(as_publish_error(KafkaError(code, "fatal", True)), ProducerDied)


def test_what_the_broker_calls_retriable_is_never_held_against_a_message():
    assert not MESSAGE_ERRORS & TOPIC_ERRORS
    assert not [code for code in MESSAGE_ERRORS if KafkaError(code).retriable()]


@given(code=st.integers(1, 6000))
def test_a_database_error_passes_by_itself_or_is_somebodys_fault(code):
    error = OperationalError(code, "text")
    assert is_transient(error) == (code in CONFLICTS | SERVER_TROUBLE or 2000 <= code < 3000)
    assert is_conflict(error) == (code in CONFLICTS)
    assert not is_transient(ProgrammingError(1064, "syntax")), "a statement that is wrong stays wrong"
    wrapped = SchemaViolation("wrapped")
    wrapped.__cause__ = error
    assert is_transient(wrapped) == is_transient(error)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_masking_takes_any_json(value):
    shape = json.loads(masked(json.dumps(value)))
    assert isinstance(shape, type(value))
    assert masked(json.dumps(value)) == masked(masked(json.dumps(value))) or isinstance(value, str)


@pytest.mark.django_db(transaction=True)
def test_the_relays_session_is_read_committed_in_utc_and_ends_when_its_process_freezes(settings, monkeypatch):
    options = settings.DATABASES["default"]["OPTIONS"]
    monkeypatch.setitem(options, "init_command", "SET time_zone = '+05:00'")  # as a server elsewhere would
    session = Session()
    with session.transaction() as cursor:
        cursor.execute("SHOW SESSION VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation')")
        assert {value for _, value in cursor.fetchall()} == {"READ-COMMITTED"}
        cursor.execute("SELECT @@session.time_zone, @@session.wait_timeout, @@session.innodb_lock_wait_timeout")
        assert cursor.fetchone() == ("+00:00", 30, 5)
    session.close()
