"""The inbox: each event takes effect once, together with what follows from it, or is parked."""

import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from outbox import parked, progress
from outbox.conf import conf
from outbox.context import current
from outbox.errors import NotOutermost, NotWaiting
from outbox.events import Record, encode_headers
from outbox.models import InboxEntry, ParkedEvent
from outbox.receiving import handle_one, handle_together
from outbox.testing import deliver
from outbox.transactions import retry_conflicts
from project import handlers
from project.models import Counter, Diary
from project.writing import COUNTED
from uuid_utils.compat import uuid7

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def moods():
    yield handlers.moods
    handlers.moods.clear()


def record(key, number, offset=0, *, id=None, type=COUNTED, value=None):
    headers = encode_headers(
        id=id or str(uuid7()), type=type, source="/t", subject="", time=timezone.now(), schema="", sequence=number
    )
    value = b'{"number": %d}' % number if value is None else value
    return Record("events", 0, offset, key, value, headers)


def diary(key):
    return list(Diary.objects.filter(key=key).order_by("id").values_list("number", flat=True))


def fail(message="handler is broken"):
    def mood():
        raise ValueError(message)

    return mood


def test_an_event_delivered_twice_takes_effect_once():
    assert deliver(COUNTED, {"number": 1}, key="a", id="one")
    assert not deliver(COUNTED, {"number": 1}, key="a", id="one")
    assert diary("a") == [1]


def test_the_same_event_twice_in_a_batch_takes_effect_once():
    assert handle_together([record("a", 1, 0, id="one"), record("a", 2, 1), record("a", 1, 2, id="one")])
    assert handle_together([record("a", 1, 3, id="one"), record("a", 3, 4)])
    assert diary("a") == [1, 2, 3]


def test_an_effect_and_its_inbox_row_commit_together_or_not_at_all(moods):
    moods["a", 1] = fail()
    with pytest.raises(ValueError):
        deliver(COUNTED, {"number": 1}, key="a")
    assert diary("a") == []
    assert not InboxEntry.objects.exists()


def test_types_that_nobody_handles_leave_no_trace():
    handle_one(record("a", 1, type="test.other.happened.v1", value=b"not json"))
    assert not InboxEntry.objects.exists()
    assert not ParkedEvent.objects.exists()


def test_a_batch_with_one_bad_event_does_nothing_until_they_go_one_by_one(moods):
    moods["bad", 1] = fail()
    batch = [record("good", 1, 0), record("bad", 1, 1), record("bad", 2, 2), record("good", 2, 3)]
    assert not handle_together(batch)
    assert not Diary.objects.exists()
    for each in batch:
        handle_one(each)
    assert (diary("good"), diary("bad")) == ([1, 2], [])
    first, second = ParkedEvent.objects.order_by("offset")
    assert (first.reason, second.reason) == ("ValueError: handler is broken", parked.REASON_BEHIND)
    assert InboxEntry.objects.count() == 2


def test_a_parked_key_keeps_its_order_and_heals(moods):
    moods["bad", 1] = fail()
    for offset in range(3):
        handle_one(record("bad", offset + 1, offset))
    assert parked.retry_due() == 0
    assert ParkedEvent.objects.get(offset=0).attempts == 1
    with pytest.raises(NotWaiting):
        parked.retry_key(ParkedEvent.objects.get(offset=1).id)
    moods.clear()
    ParkedEvent.objects.update(next_try=timezone.now())
    assert parked.retry_due() == 3
    assert diary("bad") == [1, 2, 3]
    assert (ParkedEvent.objects.count(), InboxEntry.objects.count()) == (0, 3)
    assert handle_together([record("bad", 4, 3), record("bad", 5, 4)])
    assert diary("bad") == [1, 2, 3, 4, 5]


def test_a_batch_behind_a_parked_event_is_parked_too(moods):
    moods["bad", 1] = fail()
    handle_one(record("bad", 1, 0))
    assert not handle_together([record("bad", 2, 1), record("good", 1, 2)])


def test_a_discarded_event_counts_as_handled_and_the_next_can_be_retried(moods):
    moods["bad", 1] = fail()
    handle_one(record("bad", 1, 0, id="one"))
    handle_one(record("bad", 2, 1))
    parked.discard(ParkedEvent.objects.get(offset=0).id, by="ada")
    call_command("inbox_parked", "retry", "--all")
    moods.clear()
    handle_one(record("bad", 1, 2, id="one"))
    assert diary("bad") == [2]


@pytest.mark.parametrize("value", [b"not json", b"[1]", b"\xff"])
def test_an_undecodable_event_is_parked_with_its_bytes(value):
    handle_one(record("a", 1, value=value))
    handle_one(record("a", 2, 1))
    head, behind = ParkedEvent.objects.order_by("offset")
    assert bytes(head.value) == value
    assert behind.reason == parked.REASON_BEHIND
    assert parked.retry_due() == 0


def test_a_message_that_is_no_event_at_all_is_parked_and_a_tombstone_is_not():
    handle_one(Record("events", 0, 0, "", b"hello", {}))
    handle_one(Record("events", 0, 1, "a", None, {}))
    assert ParkedEvent.objects.get().event_id is None


def test_what_is_redelivered_is_not_parked_twice(moods):
    moods["bad", 1] = fail()
    again = record("bad", 1, 0)
    handle_one(again)
    handle_one(again)
    assert ParkedEvent.objects.count() == 1


def test_a_handler_knows_its_cause(moods):
    seen = []
    moods["a", 1] = lambda: seen.append(current())
    deliver(COUNTED, {"number": 1}, key="a", id="one", correlationid="story")
    assert (seen[0].correlation_id, seen[0].causation_id) == ("story", "one")


def test_a_deadlock_is_repeated_as_a_whole():
    Counter.objects.bulk_create([Counter(key="a"), Counter(key="b")])
    both_hold_one, runs, errors = threading.Barrier(2), [], []

    def swap(first: str, second: str) -> None:
        with transaction.atomic():
            runs.append(first)
            Counter.objects.select_for_update().get(key=first)
            if len(runs) <= 2:
                both_hold_one.wait(5)
            for counter in Counter.objects.select_for_update().filter(key__in=[first, second]):
                counter.version += 1
                counter.save()

    def run(*keys: str) -> None:
        try:
            retry_conflicts(lambda: swap(*keys))
        except Exception as error:  # noqa: BLE001 the test shows it
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=keys) for keys in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(runs) == 3, "one of the two was the deadlock's victim"
    assert list(Counter.objects.values_list("version", flat=True)) == [2, 2]


def test_only_the_outermost_transaction_is_repeated():
    with transaction.atomic(), pytest.raises(NotOutermost):
        retry_conflicts(lambda: None)


def test_a_handlers_deadlock_is_repeated_by_the_consumer(moods):
    left = [OperationalError(1213, "Deadlock found"), OperationalError(1213, "Deadlock found")]

    def deadlock():
        if left:
            raise left.pop()

    moods["a", 1] = deadlock
    handle_one(record("a", 1))
    assert diary("a") == [1]


def test_a_lost_connection_is_nobodys_fault(moods):
    def lost():
        raise OperationalError(2013, "Lost connection to server during query")

    moods["a", 1] = lost
    with pytest.raises(OperationalError):
        handle_one(record("a", 1))
    assert not ParkedEvent.objects.exists()
    assert not InboxEntry.objects.exists()


def test_old_inbox_rows_are_purged():
    for age in (1, 20, 22, 30):
        InboxEntry.objects.create(
            consumer=conf.SERVICE, event_id=f"{age}", received_at=timezone.now() - timedelta(days=age)
        )
    call_command("inbox_purge")
    assert set(InboxEntry.objects.values_list("event_id", flat=True)) == {"1", "20"}


def test_caught_up_means_every_partition_and_later(settings, tmp_path):
    file = tmp_path / "topics.toml"
    file.write_text('[[topic]]\nname = "events"\npartitions = 2\nretention_days = 1\n')
    settings.OUTBOX = {**settings.OUTBOX, "TOPICS_FILE": file}
    moment = timezone.now()
    progress.record([("events", 0)], moment + timedelta(seconds=1))
    assert not progress.caught_up_since(moment, ["events"])
    progress.record([("events", 1)], moment)
    assert not progress.caught_up_since(moment, ["events"])
    progress.record([("events", 1)], moment + timedelta(seconds=1))
    assert progress.caught_up_since(moment, ["events"])
    assert not progress.caught_up_since(moment, ["events", "others"])
