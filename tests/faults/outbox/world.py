"""One fault's world: a fresh topic, empty tables, processes that can be killed and frozen, and the final question."""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import MySQLdb
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.local.environment import load_secrets
from deploy.local.layout import ROOT

from .reader import read_topic, violations
from .servers import Servers

PATTERN = "test_crossborder_outbox_faults"  # the tables as migrations make them; each world gets a copy
PUBLISH_SECONDS = 1.0  # so a frozen relay's lanes are free after three seconds, and no test waits for half a minute
CONSUMER = {"session.timeout.ms": 2000, "heartbeat.interval.ms": 400, "max.poll.interval.ms": 3000}


class Role:
    """A process of the service under test."""

    def __init__(self, name: str, process: Any) -> None:
        self.name, self._process = name, process

    def signal(self, number: signal.Signals) -> None:
        if self._process.is_alive():
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self._process.join()

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def terminate(self) -> None:
        self.signal(signal.SIGTERM)

    def wait(self, seconds: float = 40) -> int:
        """Its exit code; minus the signal when one ended it."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, f"{self.name} does not end"
        return self._process.exitcode


class Factory:
    """Servers and the fork server, shared by all faults of a run."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.password = load_secrets(servers.layout)["OUTBOX_DB_PASSWORD"]
        os.environ.update(
            PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
            DJANGO_SETTINGS_MODULE="tests.faults.outbox.settings",
            FAULTS_DB_PORT=str(servers.layout.port("database")),
            FAULTS_DB_PASSWORD=self.password,
            FAULTS_DB_NAME=PATTERN,
            MALLOC_ARENA_MAX="2",
        )
        self.processes = multiprocessing.get_context("forkserver")
        self.processes.set_forkserver_preload(["tests.faults.outbox.roles"])
        self.make_database(PATTERN)
        made = World(self, "preparation", random.Random(0), database=PATTERN).start("migrate")
        assert made.wait(60) == 0, f"the tables could not be made: read {servers.logs}"
        self.tables = [name for (name,) in self.rows("SHOW TABLES", schema=PATTERN)]

    def make_database(self, name: str) -> None:
        self.rows(f"DROP DATABASE IF EXISTS {name}")
        self.rows(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")

    def copy_tables(self, name: str) -> None:
        """A database of its own for a world, made from the pattern."""
        self.make_database(name)
        for table in self.tables:
            self.rows(f"CREATE TABLE {name}.{table} LIKE {PATTERN}.{table}")
        self.rows(f"INSERT INTO {name}.outbox_lane SELECT * FROM {PATTERN}.outbox_lane")

    def rows(self, query: str, values: tuple = (), schema: str | None = None) -> list[tuple]:
        """A query's rows, over a connection of its own."""
        place = {"host": "127.0.0.1", "port": self.servers.layout.port("database"), "charset": "utf8mb4"}
        connection = MySQLdb.connect(**place, user="crossborder_outbox", passwd=self.password, db=schema or "")
        try:
            cursor = connection.cursor()
            cursor.execute(query, values or None)
            found = list(cursor.fetchall())
            connection.commit()
            return found
        finally:
            connection.close()


class World:
    """What one fault happens to."""

    def __init__(self, factory: Factory, name: str, chance: random.Random, *, database: str | None = None) -> None:
        self.name, self.chance, self.servers, self._factory = name, chance, factory.servers, factory
        self.kafka = self.servers.layout.address("kafka")
        self.topic = f"{name[:40]}-{time.time_ns() // 1_000_000:x}"
        self.database = database or f"{PATTERN}_{time.time_ns():x}"
        self.keys = 12
        self._roles: list[Role] = []
        if database is None:
            admin = self.admin()  # held: its answers end with it
            [made] = admin.create_topics([NewTopic(self.topic, 4, 1)]).values()
            made.result(30)
            factory.copy_tables(self.database)
            keys = ", ".join(f"('key-{number}', 0)" for number in range(self.keys))
            self.rows(f"INSERT INTO counter (`key`, version) VALUES {keys}")

    def rows(self, query: str, values: tuple = ()) -> list[tuple]:
        """A query's rows in this world's database."""
        return self._factory.rows(query, values, schema=self.database)

    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.kafka, "log_level": 0})

    def settings(self, **others: Any) -> dict[str, Any]:
        """The library's settings in this world."""
        return {
            "SERVICE": self.topic,
            "TOPIC": self.topic,
            "SUBSCRIPTIONS": [self.topic],
            "HANDLERS": "tests.faults.outbox.tally.handlers.HANDLERS",
            "VALIDATE": False,
            "WAKE_URL": f"redis://{self.servers.layout.address('redis')}/0",
            "BOOTSTRAP_SERVERS": self.kafka,
            "PUBLISH_SECONDS": PUBLISH_SECONDS,
            "CONSUMER": CONSUMER,
            "MAX_ATTEMPTS": 2,
            **others,
        }

    def start(
        self,
        role: str,
        *args: str,
        outbox: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
        **arguments: Any,
    ) -> Role:
        """Start a role or a management command; `outbox` are settings of the library, `arguments` are the role's."""
        from .roles_entry import play

        log = self.servers.logs / f"{self.topic}-{role}-{len(self._roles)}.log"
        given = {"args": args} if args else arguments
        process = self._factory.processes.Process(
            target=play, args=(role, log, self.database, self.settings(**(outbox or {})), environment or {}, given)
        )
        process.daemon = True
        process.start()
        started = Role(f"{self.name}: {role}", process)
        self._roles.append(started)
        return started

    def relay(self, **environment: str) -> Role:
        return self.start("outbox_relay", environment=environment)

    def consumer(self, *, outbox: dict[str, Any] | None = None, **environment: str) -> Role:
        return self.start("consume_events", outbox=outbox, environment=environment)

    def writer(self, seconds: float = 2.0) -> Role:
        return self.start("write", seed=self.chance.randrange(10**9), keys=self.keys, seconds=seconds)

    def pause(self, least: float, most: float) -> None:
        """A moment at random."""
        time.sleep(self.chance.uniform(least, most))

    def until(self, condition: Callable[[], object], what: str, seconds: float = 45) -> None:
        """Wait for a condition, whatever the database says meanwhile."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if condition():
                    return
            except MySQLdb.Error:
                pass
            assert time.monotonic() < deadline, f"{self.name}: not within {seconds} s: {what}"
            time.sleep(0.05)

    def number(self, query: str) -> int:
        return int(self.rows(query)[0][0] or 0)

    def committed(self) -> int:
        return self.number("SELECT SUM(version) FROM counter")

    def effects(self) -> int:
        return self.number("SELECT COUNT(*) FROM effect")

    def is_settled(self) -> bool:
        """Everything is sent and handled, and what the handler published is sent too."""
        return self.effects() >= self.committed() and self.number("SELECT COUNT(*) FROM outbox_event") == 0

    def reset_offsets(self) -> None:
        """Let the group begin every partition anew."""
        from confluent_kafka import ConsumerGroupTopicPartitions

        places = [TopicPartition(self.topic, number, 0) for number in range(4)]
        wanted = [ConsumerGroupTopicPartitions(self.topic, places)]
        admin = self.admin()
        for answer in admin.alter_consumer_group_offsets(wanted).values():
            answer.result(20)

    def check(self) -> None:
        """Wait until all is settled, then let the independent reader judge."""
        self.until(self.is_settled, "everything committed is sent and handled")
        messages = read_topic(self.kafka, self.topic)
        found = violations(messages, self.rows)
        assert not found, f"{self.name}: {len(found)} violations: " + "; ".join(found[:5])
        assert self.committed() > 20, f"{self.name}: the writers wrote next to nothing"

    def end(self) -> None:
        for role in self._roles:
            role.kill()
        self.servers.start()  # whatever the fault has left behind
        self._factory.rows(f"DROP DATABASE {self.database}")


@contextmanager
def running_factory(servers: Servers) -> Iterator[Factory]:
    """Start the servers, and end everything whatever happens."""
    try:
        servers.start()
        yield Factory(servers)
    finally:
        servers.stop()
