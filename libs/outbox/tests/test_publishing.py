"""publish(): what is written, what is refused."""

import pytest
from django.db import transaction
from outbox.context import correlation
from outbox.errors import EventRefused, NotInTransaction, PayloadTooLarge, SchemaViolation, UnknownTopic
from outbox.models import OutboxEvent
from outbox.publishing import pending_count, publish
from outbox.testing import capture_events
from project.models import Counter
from project.writing import Counted, count


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_nothing_is_published():
    with pytest.raises(NotInTransaction):
        publish(Counted("a", 1, {"number": 1}))


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_transaction_publishes_nothing():
    with pytest.raises(RuntimeError), transaction.atomic():
        count("a")
        raise RuntimeError
    assert pending_count() == 0
    assert not Counter.objects.exists()


@pytest.mark.django_db
def test_an_event_carries_who_caused_it():
    with (
        capture_events() as events,
        correlation(correlation_id="story", causation_id="before", traceparent="00-ab-cd-01"),
    ):
        count("ключ-🙂")
    [event] = events
    assert (event.key, event.sequence, event.data) == ("ключ-🙂", 1, {"number": 1})
    assert (event.correlation_id, event.causation_id, event.traceparent) == ("story", "before", "00-ab-cd-01")


@pytest.mark.django_db
def test_many_events_keep_their_order():
    with capture_events() as events, transaction.atomic():
        ids = publish(*[Counted("a", n, {"number": n}) for n in range(500)])
    assert [event.data["number"] for event in events] == list(range(500))
    assert [event.id for event in events] == ids


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"number": "one"}, SchemaViolation),
        ({}, SchemaViolation),
        ({"number": 1, "text": "é" * 460_000}, PayloadTooLarge),
    ],
)
def test_what_cannot_be_sent_is_refused_at_once(data, error):
    with pytest.raises(error), transaction.atomic():
        publish(Counted("a", 1, data))
    assert not OutboxEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("key", "size"), [("k" * 256, "256"), ("", "0")])
def test_a_key_that_does_not_fit_is_refused_with_its_size(key, size):
    with pytest.raises(EventRefused, match=f"has {size} characters, 1 to 255 are allowed"), transaction.atomic():
        publish(Counted(key, 1, {"number": 1}))


@pytest.mark.django_db
def test_a_topic_that_the_topics_file_does_not_know_is_refused(settings, tmp_path):
    file = tmp_path / "topics.toml"
    file.write_text('[[topic]]\nname = "other"\npartitions = 1\nretention_days = 1\n')
    settings.OUTBOX = {**settings.OUTBOX, "TOPICS_FILE": file}
    with pytest.raises(UnknownTopic), transaction.atomic():
        publish(Counted("a", 1, {"number": 1}))
