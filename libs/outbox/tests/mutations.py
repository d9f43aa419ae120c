"""`make mutations`: breaks the library in one place at a time; a test must notice each.

The first number is the trap's in the list of measured ones (see the README). The library is copied, the copy is broken and the named tests run
against it, so the checkout is never touched. Ends with 1 when a mutation survives or no longer fits the source.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
AT_A_TIME = 2


@dataclass(frozen=True)
class Mutation:
    """`old` becomes `new` in a file of the library; `tests` (files, or a file and a word of names) must fail."""

    trap: str
    what: str
    file: str
    old: str
    new: str
    tests: str


MUTATIONS = [
    Mutation(
        "1, 8",
        "a cursor that remembers the last id it has seen",
        "claims.py",
        '''    values: list[Any] = [lane]
    query = f"SELECT {COLUMNS} FROM outbox_event AS e WHERE lane = %s"''',
        '''    values: list[Any] = [lane, _seen.get(lane, 0)]
    query = f"SELECT {COLUMNS} FROM outbox_event AS e WHERE lane = %s AND id >= %s"''',
        "test_traps.py commits_late",
    ),
    Mutation("2", "relays lock no lanes", "claims.py", " FOR UPDATE SKIP LOCKED", "", "test_traps.py no_other_touches"),
    Mutation(
        "3",
        "all events of a key are in flight at once",
        "relay.py",
        "        in_flight[key] = queue.popleft()\n        producer.send(in_flight[key], reports)\n    while",
        "        in_flight[key] = queue[0]\n        while queue:\n            producer.send(queue.popleft(), reports)\n    while",
        "test_failures.py recovers_goes_on test_properties.py one_at_a_time",
    ),
    Mutation(
        "3",
        "a key goes on after a failure",
        "relay.py",
        "            sent.failures.append((row, error))\n            outage = outage or isinstance(error, BrokerUnavailable)\n            continue",
        "            sent.failures.append((row, error))\n            outage = outage or isinstance(error, BrokerUnavailable)",
        "test_properties.py one_at_a_time test_failures.py",
    ),
    Mutation(
        "4",
        "a claim without LIMIT",
        "claims.py",
        "[low, high, LANES_PER_CLAIM - len(lanes)]",
        "[low, high, 16]",
        "test_traps.py half_of_the_lanes",
    ),
    Mutation(
        "4",
        "a claim in another order than the primary key's",
        "claims.py",
        "ORDER BY lane LIMIT",
        "ORDER BY lane + 0 LIMIT",
        "test_traps.py half_of_the_lanes",
    ),
    Mutation(
        "5",
        "one batch per run",
        "relay.py",
        "                empty_rounds = 0 if self._round",
        "                empty_rounds = 2 if self._round",
        "test_relay.py alone_delivers",
    ),
    Mutation(
        "6",
        "claims in REPEATABLE READ",
        "claims.py",
        "ISOLATION LEVEL READ COMMITTED",
        "ISOLATION LEVEL REPEATABLE READ",
        "test_traps.py hold_up_writers test_properties.py read_committed",
    ),
    Mutation(
        "6",
        "the isolation level is not checked",
        "checks.py",
        'isolation.lower() != "read committed"',
        "False",
        "test_operating.py isolation",
    ),
    Mutation(
        "7",
        "a full queue drops the message",
        "kafka/producing.py",
        "        except BufferError:\n            return False",
        "        except BufferError:\n            return True",
        "test_traps.py full_queue",
    ),
    Mutation(
        "7",
        "a report with an error counts as delivered",
        "kafka/producing.py",
        "reports.append((row, None if error is None else as_publish_error(error)))",
        "reports.append((row, None))",
        "test_traps.py topic_refuses",
    ),
    Mutation(
        "7",
        "rows are deleted whatever became of them",
        "relay.py",
        "delete_acknowledged(cursor, sent.acknowledged)",
        "delete_acknowledged(cursor, rows)",
        "test_failures.py",
    ),
    Mutation(
        "9",
        "the client is loaded before the fork",
        "relay.py",
        "from outbox.lanes import LANES\n",
        "from outbox.lanes import LANES\nimport confluent_kafka\n",
        "test_traps.py has_forked",
    ),
    Mutation(
        "10",
        "a frozen relay keeps its lanes for eight hours",
        "claims.py",
        "return max(2, ceil(3 * conf.PUBLISH_SECONDS))",
        "return 28800",
        "test_properties.py process_freezes",
    ),
    Mutation(
        "10",
        "a session that is shorter than the claim",
        "claims.py",
        "ceil(3 * conf",
        "ceil(0.5 * conf",
        "test_properties.py process_freezes",
    ),
    Mutation(
        "11",
        "a conflict is repeated inside a transaction",
        "transactions.py",
        "    if not is_outermost():\n        raise",
        "    if False:\n        raise",
        "test_inbox.py only_the_outermost",
    ),
    Mutation(
        "11",
        "a conflict is not repeated",
        "transactions.py",
        "if attempt == MAX_TRIES or not is_conflict(error)",
        "if True",
        "test_inbox.py deadlock",
    ),
    Mutation(
        "12",
        "produce() may raise",
        "kafka/producing.py",
        "        except KafkaException as error:\n            reports.append((row, as_publish_error(error.args[0])))\n",
        "",
        "test_traps.py too_large_for_the_client",
    ),
    Mutation(
        "13",
        "the primary key is the id alone",
        "migrations/0001_initial.py",
        "    PRIMARY KEY (lane, id),\n    UNIQUE KEY outbox_event_id (id)",
        "    PRIMARY KEY (id),\n    KEY outbox_event_lane (lane, id)",
        "test_traps.py lie_by_lane",
    ),
    Mutation(
        "13",
        "a DELETE does not name the lane",
        "claims.py",
        '"DELETE FROM outbox_event WHERE lane = %s AND id IN %s", [lane, [row.id for row in mine]]',
        '"DELETE FROM outbox_event WHERE id IN %s", [[row.id for row in mine]]',
        "test_traps.py lie_by_lane",
    ),
    Mutation(
        "14",
        "a missing topic is found out late",
        "kafka/producing.py",
        '                    "topic.metadata.propagation.max.ms": int(200 * conf.PUBLISH_SECONDS),\n',
        "",
        "test_traps.py missing_topic",
    ),
    Mutation(
        "15",
        "an event is handled under a savepoint",
        "inbox.py",
        "    with transaction.atomic(savepoint=False):\n        if not enter",
        "    with transaction.atomic():\n        if not enter",
        "test_traps.py savepoint",
    ),
    Mutation(
        "16",
        "the session keeps the server's time zone",
        "claims.py",
        "SESSION time_zone = '+00:00', ",
        "",
        "test_properties.py in_utc",
    ),
    Mutation(
        "16",
        "keys are compared by a language's rules",
        "migrations/0001_initial.py",
        'db_collation="utf8mb4_bin", **options',
        'db_collation="utf8mb4_general_ci", **options',
        "test_traps.py accent",
    ),
    Mutation(
        "17",
        "ON DUPLICATE KEY in place of INSERT IGNORE",
        "inbox.py",
        '"INSERT IGNORE INTO inbox (consumer, event_id, received_at) VALUES (%s, %s, UTC_TIMESTAMP(6))"',
        '"INSERT INTO inbox (consumer, event_id, received_at) VALUES (%s, %s, UTC_TIMESTAMP(6))"\n'
        '            " ON DUPLICATE KEY UPDATE received_at = received_at"',
        "test_inbox.py delivered_twice",
    ),
    Mutation(
        "18",
        "a batch waits until it is full",
        "kafka/consuming.py",
        "        first = self._consumer.poll(seconds)\n        if first is None:\n            return [], {}\n"
        "        return _sorted_out([first, *self._consumer.consume(size - 1, 0)])",
        "        return _sorted_out(self._consumer.consume(size, seconds))",
        "test_traps.py full_batch",
    ),
    Mutation(
        "–",
        "a dead event's key does not wait",
        "claims.py",
        "seconds = None if dead else",
        "seconds = 0 if dead else",
        "test_failures.py person",
    ),
    Mutation(
        "–",
        "an outage counts attempts",
        "relay.py",
        "if isinstance(error, MessageRejected):\n                buried",
        "if True:\n                buried",
        "test_failures.py counts_no_attempt",
    ),
    Mutation(
        "–",
        "replay puts the event at the end",
        "dead.py",
        "                id=dead.row_id,\n",
        "",
        "test_failures.py replay",
    ),
    Mutation(
        "–",
        "an event is parked and its key goes on",
        "parked.py",
        "        return bool(cursor.fetchone()[0])",
        "        return False",
        "test_inbox.py keeps_its_order",
    ),
    Mutation(
        "–",
        "a batch does not look for parked keys",
        "receiving.py",
        "if parked.any_parked(records):",
        "if False:",
        "test_inbox.py behind_a_parked",
    ),
    Mutation(
        "–",
        "the inbox row commits before the effect",
        "inbox.py",
        "        call(handler, event, now or timezone.now())\n    EVENTS_HANDLED",
        "        pass\n    call(handler, event, now or timezone.now())\n    EVENTS_HANDLED",
        "test_inbox.py commit_together",
    ),
    Mutation(
        "–",
        "a failed event is not read again",
        "consumer.py",
        "        self._consumer.rewind_and_pause(partition, offset)",
        "        self._consumer.rewind_and_pause(partition, offset + 1)",
        "test_consumer.py database_is_away",
    ),
    Mutation(
        "–",
        "the offset is committed before the effect",
        "consumer.py",
        '            self._handle(records)\n            reach("consumer.after_commit_before_offset")',
        "            for record in records:\n                self._handled(record)\n            self._commit_at = 0\n"
        "            self._commit_due(idle=True)\n            self._handle(records)\n"
        '            reach("consumer.after_commit_before_offset")',
        "test_consumer.py neither_loses_nor_repeats",
    ),
    Mutation(
        "–",
        "keys land where librdkafka's default puts them",
        "kafka/producing.py",
        '"partitioner": "murmur2_random"',
        '"partitioner": "consistent_random"',
        "test_envelope.py java",
    ),
    Mutation(
        "–",
        "payloads are shown to staff as they are",
        "masking.py",
        "if isinstance(value, str) and not HARMLESS.fullmatch(value):",
        "if False:",
        "test_admin.py payload",
    ),
]
HELPERS = {
    "a cursor that remembers the last id it has seen": (
        "    return [Row._make(row) for row in cursor.fetchall()]\n",
        "    found = [Row._make(row) for row in cursor.fetchall()]\n"
        "    _seen[lane] = found[-1].id if found else _seen.get(lane, 0)\n    return found\n\n\n_seen: dict[int, int] = {}\n",
    )
}


def broken_copy(mutation: Mutation, folder: Path) -> str | None:
    """Copy the library and break the copy; what is wrong if the mutation does not fit any more."""
    shutil.copytree(HERE.parent / "outbox", folder / "outbox", ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "outbox" / mutation.file
    text = path.read_text()
    for old, new in [(mutation.old, mutation.new), *([HELPERS[mutation.what]] if mutation.what in HELPERS else [])]:
        if text.count(old) != 1:
            return f"its text is there {text.count(old)} times"
        text = text.replace(old, new)
    path.write_text(text)
    return None


def test_runs(tests: str) -> list[list[str]]:
    """pytest's arguments, one run per file: a word after a file names its tests."""
    runs: list[list[str]] = []
    for word in tests.split():
        if word.endswith(".py"):
            runs.append([str(HERE / word)])
        else:
            runs[-1] += ["-k", word]
    return runs


def outcome(mutation: Mutation) -> str:
    """ "noticed", or what went wrong."""
    with tempfile.TemporaryDirectory() as name:
        if problem := broken_copy(mutation, Path(name)):
            return problem
        environment = os.environ | {"PYTHONPATH": name, "PYTHONDONTWRITEBYTECODE": "1", "CROSSBORDER_TESTING": "1"}
        for arguments in test_runs(mutation.tests):
            command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:randomly", *arguments]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
            if done.returncode not in (0, 1):
                return f"the tests did not run: {done.stdout.strip().splitlines()[-1:]}"
            if done.returncode == 0:
                return f"survived {Path(arguments[0]).name}"
    return "noticed"


def main() -> int:
    chosen = [each for each in MUTATIONS if not sys.argv[1:] or any(word in each.what for word in sys.argv[1:])]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        results = list(pool.map(outcome, chosen))
    for mutation, result in zip(chosen, results, strict=True):
        print(f"{'  ' if result == 'noticed' else '!!'} {mutation.trap:5} {mutation.what:58} {result}")
    print(f"{results.count('noticed')} of {len(results)} mutations were noticed")
    return int(results.count("noticed") < len(results))


if __name__ == "__main__":
    sys.exit(main())
