"""The form on Kafka: what others read (CloudEvents' own SDK, Java's clients), and what travels from cause to effect."""

import json
from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from confluent_kafka import Consumer, KafkaException
from conftest import published
from django.db import transaction
from outbox.conf import conf
from outbox.context import correlation, current
from outbox.errors import Undecodable
from outbox.events import Record, decode, encode_headers
from outbox.kafka.administration import apply_topics
from outbox.kafka.clients import settings as client_settings
from outbox.kafka.producing import KafkaProducer
from outbox.publishing import publish
from outbox.receiving import handle_one
from outbox.relay import Relay
from outbox.topics import Topic
from project import handlers
from project.writing import COUNTED, Counted, count

pytestmark = pytest.mark.django_db(transaction=True)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
JAVA_MURMUR2 = {  # from the Java client's own test, org.apache.kafka.common.utils.UtilsTest
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


def drain() -> None:
    relay = Relay()
    relay.drain(10)
    relay.close()


def test_the_cloudevents_sdk_reads_what_is_published(topic):
    with correlation(correlation_id="story", causation_id="before", traceparent=TRACE):
        count("ключ")
    drain()
    [record] = published(topic)
    headers = {name: value.encode() for name, value in record.headers.items()}
    event = from_binary_event(KafkaMessage(headers, record.key, record.value))
    assert event.get_specversion() == "1.0"
    assert (event.get_id(), event.get_type()) == (record.event_id, COUNTED)
    assert (event.get_source(), event.get_subject()) == (f"/{conf.SERVICE}", "counter/ключ")
    assert event.get_time().tzinfo is not None
    assert event.get_dataschema() == f"urn:schema:{COUNTED}"
    assert event.get_datacontenttype() == "application/json"
    extensions = [event.get_extension(name) for name in ("sequence", "correlationid", "causationid")]
    assert extensions == ["1", "story", "before"]
    data = event.get_data()
    assert (data if isinstance(data, dict) else json.loads(data)) == {"number": 1}


def test_an_absent_attribute_is_left_out_and_never_empty():
    headers = encode_headers(
        id="1", type="t", source="/s", subject="", time=datetime.now(UTC), schema="", sequence=None
    )
    assert not {"ce_subject", "ce_dataschema", "ce_sequence", "traceparent"} & headers.keys()
    event = decode(Record("events", 0, 0, "a", b"{}", headers))
    assert (event.subject, event.sequence, event.traceparent) == ("", None, None)


def test_the_trace_of_the_request_reaches_the_handler_and_what_it_publishes(topic):
    seen = []
    handlers.moods["a", 1] = lambda: seen.append((current().traceparent, count("b")))
    with correlation(correlation_id="story", traceparent=TRACE):
        count("a")
    drain()
    [record] = published(topic)
    handle_one(record)
    handlers.moods.clear()
    assert seen == [(TRACE, 1)]
    drain()
    effect = next(record for record in published(topic) if record.key == "b")
    assert effect.headers["traceparent"] == TRACE
    assert (effect.headers["ce_correlationid"], effect.headers["ce_causationid"]) == ("story", record.event_id)


def test_keys_land_where_a_java_client_would_put_them(topic, settings):
    settings.OUTBOX = {**settings.OUTBOX, "TOPIC": f"{topic}-12"}
    apply_topics([Topic(f"{topic}-12", 12, 1)])
    with transaction.atomic():
        publish(*[Counted(key, 1, {"number": 1}) for key in JAVA_MURMUR2])
    drain()
    found = {record.key: record.partition for record in published(f"{topic}-12")}
    assert found == {key: (number & 0x7FFFFFFF) % 12 for key, number in JAVA_MURMUR2.items()}


def test_the_login_and_the_settings_of_the_operator_reach_the_client(settings):
    settings.OUTBOX = {
        **settings.OUTBOX,
        "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "SASL_MECHANISM": "SCRAM-SHA-512",
        "SASL_USERNAME": "orders",
        "SASL_PASSWORD": "secret",
        "PRODUCER": {"compression.type": "zstd"},
    }
    found = client_settings("relay")
    wanted = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "orders"}
    assert {name: found[name] for name in wanted} == wanted
    assert found["sasl.password"] == "secret"
    Consumer({**found, "group.id": "any"}).close()
    KafkaProducer().close()
    settings.OUTBOX = {**settings.OUTBOX, "PRODUCER": {"compression.type": "nonsense"}}
    with pytest.raises(KafkaException):
        KafkaProducer()


@pytest.mark.parametrize("name", ["ce_specversion", "ce_id", "ce_type"])
def test_what_lacks_a_required_attribute_is_no_event(name):
    headers = encode_headers(id="1", type="t", source="/s", subject="", time=datetime.now(UTC), schema="", sequence=1)
    del headers[name]
    with pytest.raises(Undecodable):
        decode(Record("events", 0, 0, "a", b"{}", headers))
