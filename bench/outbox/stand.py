"""The test stand: durable servers of its own, tables that are filled by SQL, processes that are told when to begin."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import MySQLdb
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.local.environment import load_secrets
from deploy.local.layout import ROOT
from tests.faults.outbox.servers import Servers, own_layout

DATABASE = "test_crossborder_outbox_bench"
DURABLE = (
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-buffer-pool-size=2G",
    "--innodb-redo-log-capacity=2G" if os.environ.get("DB") == "mysql" else "--innodb-log-file-size=2G",
)
PARTITIONS = 12
PATIENCE = 300.0  # seconds for one measurement
DIGITS = "(" + " UNION ALL ".join(f"SELECT {digit} d" for digit in range(10)) + ")"


class Work:
    """A measured process."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process
        self.pid = process.pid
        said = process.stdout.readline()  # type: ignore[union-attr]
        assert said == "ready\n", f"it ended before it began: {said!r}"

    def go(self) -> None:
        self._say()

    def stop(self) -> dict[str, Any]:
        """Tell it to end; its figures."""
        self._say()
        return self.result()

    def result(self) -> dict[str, Any]:
        """Wait for its end; its figures."""
        text = self._process.stdout.read()  # type: ignore[union-attr]
        assert self._process.wait(60) == 0, "a measured process failed"
        return json.loads(text.strip().splitlines()[-1])

    def resident_mb(self) -> float:
        """What it holds now, in MB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

    def cpu_seconds(self) -> float:
        """What it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _say(self) -> None:
        self._process.stdin.write("go\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]


class Stand:
    """Everything that a measurement needs."""

    def __init__(self, servers: Servers) -> None:
        self.servers, self._topics = servers, 0
        password = load_secrets(servers.layout)["OUTBOX_DB_PASSWORD"]
        self._place = {"host": "127.0.0.1", "port": servers.layout.port("database"), "charset": "utf8mb4"}
        self._login = {"user": "crossborder_outbox", "passwd": password}
        self._environment = {
            "PYTHONPATH": str(ROOT),
            "BENCH_DB_PORT": str(servers.layout.port("database")),
            "BENCH_DB_PASSWORD": password,
            "BENCH_KAFKA": servers.layout.address("kafka"),
            "BENCH_REDIS_URL": f"redis://{servers.layout.address('redis')}/0",
            "MALLOC_ARENA_MAX": "2",
        }
        self._admin = AdminClient({"bootstrap.servers": servers.layout.address("kafka"), "log_level": 0})
        self._works: list[subprocess.Popen] = []
        self.sql(f"DROP DATABASE IF EXISTS {DATABASE}", schema="")
        self.sql(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4", schema="")
        self._run("migrate")
        self.sql("INSERT INTO shop_customer (id, orders) " + self.numbers(20, "SELECT n + 1, 0"))
        for sku in ("TEE-ORGANIC-BLACK-M", "COFFEE-SIDAMO-1KG", "MUG-DELFT-300ML"):
            self.sql("INSERT INTO shop_stock (sku, level) " + self.numbers(50, f"SELECT CONCAT('{sku}-', n), 0"))
        self.topic = ""

    def sql(self, query: str, schema: str = DATABASE) -> list[tuple]:
        """A query's rows."""
        connection = MySQLdb.connect(**self._place, **self._login, db=schema)
        try:
            cursor = connection.cursor()
            cursor.execute(query)
            rows = list(cursor.fetchall())
            connection.commit()
            return rows
        finally:
            connection.close()

    @staticmethod
    def numbers(count: int, select: str) -> str:
        """`select` over n = 0 .. count - 1."""
        power = max(1, len(str(count - 1)))
        places = " + ".join(f"t{place}.d * {10**place}" for place in range(power))
        tables = ", ".join(f"{DIGITS} t{place}" for place in range(power))
        return f"{select} FROM (SELECT {places} AS n FROM {tables}) numbers WHERE n < {count} ORDER BY n"

    def new_topic(self) -> None:
        """A fresh topic and empty tables: what was measured before is gone."""
        self._topics += 1
        self.topic = f"bench-{os.getpid()}-{self._topics}"
        [made] = self._admin.create_topics([NewTopic(self.topic, PARTITIONS, 1)]).values()
        made.result(30)
        for table in ("outbox_event", "outbox_key_block", "inbox", "published"):
            self.sql(f"TRUNCATE {table}")

    def fill_outbox(self, count: int, keys: int = 1000) -> None:
        """So many pending events over so many keys, as publish() writes them."""
        headers = (
            'CONCAT(\'{"content-type": "application/json", "ce_specversion": "1.0", "ce_id": "\', id, '
            '\'", "ce_type": "bench.order.placed.v1", "ce_source": "/bench", "ce_time": "2026-11-27T00:00:00Z",'
            ' "ce_subject": "order/\', k, \'", "ce_dataschema": "urn:schema:bench.order.placed.v1",'
            ' "ce_sequence": "\', n, \'", "ce_correlationid": "\', id, \'"}\')'
        )
        rows = self.numbers(count, f"SELECT n, CONCAT('key-', n % {keys}) AS k, UUID() AS id")
        self.sql(
            "INSERT INTO outbox_event"
            " (lane, event_id, topic, `key`, type, subject, payload, headers, created_at, attempts, last_error)"
            f" SELECT CRC32(CONCAT('{self.topic}:', k)) % 16, id, '{self.topic}', k, 'bench.order.placed.v1',"
            f" CONCAT('order/', k), {BODY}, {headers}, UTC_TIMESTAMP(6), 0, '' FROM ({rows}) filling ORDER BY n"
        )

    def fill_peer(self, count: int) -> None:
        """The same events in the peer's table."""
        self.sql(
            "INSERT INTO published (id, version, destination, body, added, expires_at, retry, status, headers) "
            + self.numbers(
                count,
                f"SELECT REPLACE(UUID(), '-', ''), NULL, '{self.topic}', {BODY}, UTC_TIMESTAMP(6),"
                " UTC_TIMESTAMP(6) + INTERVAL 1 DAY, 0, 1, '{}'",
            )
        )

    def start(self, role: str, *arguments: object, **environment: str) -> Work:
        """Start a measured process and wait until it is ready."""
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.outbox.work", role, *map(str, arguments)],
            env=os.environ | self._environment | {"BENCH_TOPIC": self.topic, "BENCH_SERVICE": self.topic} | environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(self.servers.logs / "work.log").open("a"),
            text=True,
        )
        self._works.append(process)
        return Work(process)

    def seconds_until(self, query: str, began: float, value: int = 0, pause: float = 0.02) -> float:
        """When the query's answer was at most `value` (rows left), asked every few milliseconds over one connection."""
        connection = MySQLdb.connect(**self._place, **self._login, db=DATABASE, autocommit=True)
        try:
            cursor = connection.cursor()
            while True:
                cursor.execute(query)
                if int(cursor.fetchone()[0] or 0) <= value:
                    return time.monotonic() - began
                if time.monotonic() - began > PATIENCE:
                    raise TimeoutError(f"not within {PATIENCE} s: {query}")
                time.sleep(pause)
        finally:
            connection.close()

    def end(self) -> None:
        for process in self._works:
            if process.poll() is None:
                process.kill()

    def _run(self, role: str) -> None:
        command = [sys.executable, "-m", "bench.outbox.work", role]
        subprocess.run(command, env=os.environ | self._environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


BODY = (
    'CONCAT(\'{"order_id":\', n, \',"number":"CB-2026-\', n, \'","sku":"MUG-DELFT-300ML-\', n % 50,'
    ' \'","total":{"amount_minor":12999,"currency":"EUR"},"ship_to":{"country":"JP","city":"Kyoto"},'
    '"lines":[{"sku":"MUG-DELFT-300ML","quantity":1,"price":4333}]}\')'
)


@contextmanager
def standing() -> Iterator[Stand]:
    """Servers that sync every commit to the disk; all of it ends with the block."""
    servers = Servers(own_layout("bench", 200), DURABLE)
    try:
        servers.start()
        stand = Stand(servers)
        try:
            yield stand
        finally:
            stand.end()
    finally:
        servers.stop()
