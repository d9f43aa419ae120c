"""The relay's side of the database: its own connection, the claim of lanes, and what becomes of the claimed rows."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from math import ceil
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from outbox.backoff import full_jitter
from outbox.conf import conf
from outbox.lanes import LANES

LANES_PER_CLAIM = 8
ROWS_PER_KEY = 16
ENOUGH_BYTES = 8_000_000
SESSION = "SET SESSION wait_timeout = %s, SESSION time_zone = '+00:00', SESSION innodb_lock_wait_timeout = 5"
COLUMNS = "lane, id, topic, `key`, type, payload, headers, CAST(created_at AS CHAR), attempts"  # converted when needed


class Row(NamedTuple):
    """A claimed event; `created_at` is UTC as the database writes it."""

    lane: int
    id: int
    topic: str
    key: str
    type: str
    payload: str
    headers: str
    created_at: str
    attempts: int


def session_seconds() -> int:
    """After so long the server ends the session of a relay that has frozen: well above the limit of one claim."""
    return max(2, ceil(3 * conf.PUBLISH_SECONDS))


class Session:
    """A database connection of the relay's own: READ COMMITTED, and freed by the server when its process freezes."""

    def __init__(self) -> None:
        self._connection: Any = None

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """A cursor inside a transaction. After any error the connection is closed, which rolls back."""
        try:
            if self._connection is None:
                self._connection = connections.create_connection(DEFAULT_DB_ALIAS)
                with self._connection.cursor() as cursor:
                    cursor.execute(SESSION, [session_seconds()])
                    cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                self._connection.set_autocommit(False)
            with self._connection.cursor() as cursor:
                yield cursor
            self._connection.commit()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it; the next transaction opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DatabaseError):  # lost already, which is what was wanted
                connection.close()


def busy_lanes(cursor: Any) -> list[int]:
    """The lanes that have rows: the cheap question of an idle relay.

    One look into the primary key for each lane. As EXISTS, the optimizer would make it a join that reads every row.
    """
    cursor.execute(
        "SELECT lane FROM outbox_lane AS l"
        " WHERE (SELECT id FROM outbox_event AS e WHERE e.lane = l.lane LIMIT 1) IS NOT NULL"
    )
    return [lane for (lane,) in cursor.fetchall()]


def lock_lanes(cursor: Any, start: int, among: Sequence[int] = range(LANES)) -> list[int]:
    """Lock up to 8 of these lanes that no other relay holds, from `start` on and around.

    Without the LIMIT, or ordered by anything but the primary key, this would lock all lanes.
    """
    lanes: list[int] = []
    for asked in ([lane for lane in among if lane >= start], [lane for lane in among if lane < start]):
        if not asked or len(lanes) == LANES_PER_CLAIM:
            continue
        cursor.execute(
            "SELECT lane FROM outbox_lane WHERE lane IN %s ORDER BY lane LIMIT %s FOR UPDATE SKIP LOCKED",
            [asked, LANES_PER_CLAIM - len(lanes)],
        )
        lanes += [lane for (lane,) in cursor.fetchall()]
    return lanes


def read_rows(cursor: Any, lanes: list[int], batch: int, held_topics: Iterable[str] = ()) -> list[Row]:
    """The oldest rows of each lane, `batch` of each, whose key does not wait; at most 16 of one key.

    With many megabytes in hand the other lanes are left for later; which come first is chance, so that none starves.
    """
    held, rows, size = list(held_topics), [], 0
    for lane in random.sample(lanes, len(lanes)):
        if size > ENOUGH_BYTES:
            break
        found = _read_lane(cursor, lane, batch, held)
        rows += found
        size += sum(len(row.payload) for row in found)
    return rows


def _read_lane(cursor: Any, lane: int, batch: int, held_topics: list[str]) -> list[Row]:
    taken: list[Row] = []
    counts: Counter[tuple[str, str]] = Counter()
    while True:
        rows = _select(cursor, lane, batch - len(taken), held_topics, list(counts))
        for row in rows:
            counts[row.topic, row.key] += 1
            if counts[row.topic, row.key] <= ROWS_PER_KEY:
                taken.append(row)
        if not rows or len(taken) == batch or max(counts.values()) <= ROWS_PER_KEY:
            return taken
        # A hot key had more than its share of what was read: read on, without the keys seen so far.


def _select(cursor: Any, lane: int, limit: int, topics: list[str], keys: list[tuple[str, str]]) -> list[Row]:
    values: list[Any] = [lane]
    query = f"SELECT {COLUMNS} FROM outbox_event AS e WHERE lane = %s"  # noqa: S608 constant
    if topics:
        query, values = f"{query} AND topic NOT IN %s", [*values, topics]
    if keys:
        query, values = f"{query} AND (topic, `key`) NOT IN %s", [*values, keys]
    cursor.execute(  # only constants are put together here
        f"{query} AND NOT EXISTS (SELECT 1 FROM outbox_key_block AS b WHERE b.topic = e.topic AND b.`key` = e.`key`"  # noqa: S608
        " AND (b.until IS NULL OR b.until > UTC_TIMESTAMP(6))) ORDER BY id LIMIT %s",
        [*values, limit],
    )
    return [Row._make(row) for row in cursor.fetchall()]


def delete_acknowledged(cursor: Any, rows: list[Row]) -> None:
    """One DELETE per lane, each naming it, and the end of any block these keys had."""
    for lane, of_lane in groupby(sorted(rows, key=lambda row: row.lane), key=lambda row: row.lane):
        mine = list(of_lane)
        cursor.execute("DELETE FROM outbox_event WHERE lane = %s AND id IN %s", [lane, [row.id for row in mine]])
        retried = {(row.topic, row.key) for row in mine if row.attempts}
        if retried:
            cursor.execute("DELETE FROM outbox_key_block WHERE (topic, `key`) IN %s", [list(retried)])


def count_failure(cursor: Any, row: Row, reason: str, max_attempts: int) -> bool:
    """One attempt more for this message: its key waits, for some seconds or, with True, for a person."""
    attempts = row.attempts + 1
    dead = attempts >= max_attempts
    if dead:
        cursor.execute(
            "INSERT INTO outbox_dead (lane, row_id, event_id, topic, `key`, type, subject, payload, headers,"
            " created_at, attempts, reason, dead_at, replayed_by, discarded_by)"
            " SELECT lane, id, event_id, topic, `key`, type, subject, payload, headers, created_at,"
            " %s, %s, UTC_TIMESTAMP(6), '', '' FROM outbox_event WHERE lane = %s AND id = %s",
            [attempts, reason, row.lane, row.id],
        )
        cursor.execute("DELETE FROM outbox_event WHERE lane = %s AND id = %s", [row.lane, row.id])
    else:
        cursor.execute(
            "UPDATE outbox_event SET attempts = %s, last_error = %s WHERE lane = %s AND id = %s",
            [attempts, reason, row.lane, row.id],
        )
    seconds = None if dead else full_jitter(attempts, first=1.0, longest=300.0)
    cursor.execute(
        "INSERT INTO outbox_key_block (topic, `key`, lane, until, attempts, error)"
        " VALUES (%s, %s, %s, UTC_TIMESTAMP(6) + INTERVAL %s SECOND, %s, %s)"
        " ON DUPLICATE KEY UPDATE until = VALUES(until), attempts = VALUES(attempts), error = VALUES(error)",
        [row.topic, row.key, row.lane, seconds, attempts, reason],
    )
    return dead
