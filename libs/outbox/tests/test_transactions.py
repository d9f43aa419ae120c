"""The database backend: what a transaction costs, and what is left of one after a conflict."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

import pytest
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from django.db.transaction import TransactionManagementError
from django.utils import timezone
from outbox import inbox
from outbox.events import Event
from outbox.inbox import enter
from outbox.models import InboxEntry
from outbox.transactions import is_conflict, is_transient
from project.models import Counter

pytestmark = pytest.mark.django_db(transaction=True)


def statements_sent() -> int:
    """Statements that the server has had from this connection, this question not counted."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Questions'")
        return int(cursor.fetchone()[1])


def keys() -> set[str]:
    """What is committed, seen from outside."""
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT `key` FROM project_counter")
            return {key for (key,) in cursor.fetchall()}
    finally:
        other.close()


def lose_a_deadlock() -> None:
    """Inside a transaction that is small: raises OperationalError 1213, because the other one has written more."""
    held, over = threading.Event(), threading.Event()

    def other() -> None:
        with transaction.atomic():
            Counter.objects.bulk_create(Counter(key=f"other-{number}") for number in range(50))
            Counter.objects.filter(key="second").update(version=1)
            held.set()
            Counter.objects.filter(key="first").update(version=1)
            transaction.set_rollback(True)
        over.set()
        connections.close_all()

    thread = threading.Thread(target=other)
    try:
        Counter.objects.filter(key="first").update(version=2)
        thread.start()
        assert held.wait(10)
        Counter.objects.select_for_update().get(key="second")  # Django notices failed writes, but not failed reads
    finally:
        assert over.wait(10)
        thread.join()


@pytest.fixture
def two_rows() -> None:
    Counter.objects.bulk_create([Counter(key="first"), Counter(key="second")])


def test_a_transaction_of_one_statement_is_three_round_trips():
    statements_sent()
    before = statements_sent()
    with transaction.atomic():
        Counter.objects.bulk_create([Counter(key="a")])
    after = statements_sent()
    assert after - before - 1 == 3  # BEGIN, INSERT, COMMIT
    assert keys() == {"a"}


@pytest.fixture
def in_a_row() -> Iterator[None]:
    connection.transactions_in_a_row = True
    yield
    connection.transactions_in_a_row = False


def test_of_transactions_in_a_row_each_costs_its_statements_and_the_commit(in_a_row):
    with transaction.atomic():
        before = statements_sent()
    for key in "ab":
        with transaction.atomic():
            Counter.objects.bulk_create([Counter(key=key)])
    with transaction.atomic():
        after = statements_sent()
    assert after - before - 1 == 5  # COMMIT, and twice INSERT, COMMIT
    assert keys() == {"a", "b"}


def test_between_transactions_in_a_row_a_statement_commits_by_itself(in_a_row):
    with transaction.atomic():
        Counter.objects.create(key="first")
    Counter.objects.bulk_create([Counter(key="second")])
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO project_counter VALUES ('third', 0)")
    assert keys() == {"first", "second", "third"}
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Counter.objects.create(key="lost")
        raise ZeroDivisionError
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO project_counter VALUES ('fourth', 0)")
    assert keys() == {"first", "second", "third", "fourth"}


def test_after_transactions_in_a_row_everything_is_as_usual():
    connection.transactions_in_a_row = True
    with transaction.atomic():
        Counter.objects.create(key="first")
    connection.transactions_in_a_row = False
    Counter.objects.bulk_create([Counter(key="second")])
    with transaction.atomic():
        Counter.objects.create(key="third")
    assert keys() == {"first", "second", "third"}


def test_a_failed_transaction_leaves_nothing_and_the_next_statement_commits_by_itself():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Counter.objects.create(key="lost")
        raise ZeroDivisionError
    Counter.objects.create(key="kept")
    assert keys() == {"kept"}


def test_a_savepoint_rolls_back_alone():
    with transaction.atomic():
        Counter.objects.create(key="outer")
        with pytest.raises(IntegrityError), transaction.atomic():
            Counter.objects.create(key="inner")
            Counter.objects.create(key="outer")
    assert keys() == {"outer"}


def test_autocommit_can_still_be_turned_off_by_hand():
    transaction.set_autocommit(False)
    try:
        Counter.objects.create(key="lost")
        transaction.rollback()
        with transaction.atomic():
            Counter.objects.create(key="kept")
        assert keys() == set()
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert keys() == {"kept"}


def test_after_a_caught_deadlock_nothing_more_is_written(two_rows):
    with pytest.raises(TransactionManagementError), transaction.atomic():
        Counter.objects.create(key="before")
        try:
            lose_a_deadlock()
        except OperationalError as error:
            assert is_conflict(error)
        Counter.objects.create(key="after")
    assert keys() == {"first", "second"}


def test_after_a_deadlock_under_a_savepoint_nothing_more_is_written(two_rows):
    with pytest.raises(TransactionManagementError), transaction.atomic():
        Counter.objects.create(key="before")
        with pytest.raises(OperationalError), transaction.atomic():
            lose_a_deadlock()
        Counter.objects.create(key="after")
    assert keys() == {"first", "second"}


def test_a_caught_lock_wait_timeout_undoes_its_statement_and_no_other(two_rows):
    other = connections.create_connection("default")
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT * FROM project_counter WHERE `key` = 'first' FOR UPDATE")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET innodb_lock_wait_timeout = 1")
        with transaction.atomic():
            Counter.objects.create(key="before")
            with suppress(OperationalError):
                Counter.objects.select_for_update().get(key="first")
    finally:
        other.rollback()
        other.close()
        connection.close()
    assert keys() == {"first", "second", "before"}


def test_a_handler_that_swallows_a_deadlock_has_not_handled_its_event(two_rows, settings):
    def swallow(event: Event, *, now: datetime) -> None:
        with suppress(OperationalError):
            lose_a_deadlock()

    with pytest.raises(TransactionManagementError), transaction.atomic(savepoint=False):
        enter("one", "events")
        inbox.call(swallow, Event("one", "t", "events", "key", "", 1, timezone.now(), {}), timezone.now())
    assert not InboxEntry.objects.exists()


def test_the_next_transactions_failure_is_not_blamed_on_an_old_deadlock(two_rows):
    with suppress(OperationalError), transaction.atomic():
        lose_a_deadlock()
    with pytest.raises(TransactionManagementError) as broken, transaction.atomic():
        with suppress(ValueError), transaction.atomic(savepoint=False):
            raise ValueError
        Counter.objects.create(key="after")
    assert not is_transient(broken.value)


@pytest.mark.parametrize("in_a_row", [False, True])
def test_what_interrupts_before_the_commit_leaves_no_transaction_open(monkeypatch, in_a_row):
    connection.transactions_in_a_row = in_a_row

    def interrupted() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(connection, "commit", interrupted)
        with pytest.raises(KeyboardInterrupt), transaction.atomic():
            Counter.objects.create(key="lost")
    connection.transactions_in_a_row = False
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO project_counter VALUES ('kept', 0)")
    assert keys() == {"kept"}


def test_a_cursor_whose_connection_was_closed_says_so_as_a_database_error():
    cursor = connection.cursor()
    connection.close()
    with pytest.raises(OperationalError):
        cursor.execute("SELECT 1")


def test_a_connection_that_dies_inside_a_transaction_commits_nothing():
    with pytest.raises(OperationalError), transaction.atomic():
        Counter.objects.create(key="before")
        other = connections.create_connection("default")
        with other.cursor() as cursor:
            cursor.execute(f"KILL {connection.connection.thread_id()}")
        other.close()
        Counter.objects.create(key="after")
    assert keys() == set()
    Counter.objects.create(key="next")
    assert keys() == {"next"}
