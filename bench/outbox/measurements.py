"""Each row of the table: what is done, and what came out."""

import statistics
import time

from .stand import Stand

Spread = list[float]
PENDING = "SELECT EXISTS (SELECT 1 FROM outbox_event)"


def relay_rate(
    stand: Stand, count: int, relays: int = 1, role: str = "relay", batch: int = 50, keys: int = 1000
) -> float:
    """Events a second from the first claim to the last delete, with the relays warm."""
    stand.new_topic()
    stand.fill_outbox(count, keys)
    works = [stand.start(role, BENCH_BATCH_SIZE=str(batch)) for _ in range(relays)]
    began = time.monotonic()
    for work in works:
        work.go()
    stand.seconds_until(PENDING, began, pause=0.2)
    return count / (max(work.stop()["last"] for work in works) - began)


def peer_rate(stand: Stand, count: int, *, flush: bool) -> float:
    """The peer's loop over the same events."""
    stand.new_topic()
    stand.fill_peer(count)
    work = stand.start("peer", PEER_FLUSH="1" if flush else "0")
    began = time.monotonic()
    work.go()
    work.result()
    return count / (time.monotonic() - began)


def commit_to_ack(stand: Stand, rate: int = 200, seconds: float = 10.0) -> tuple[float, float]:
    """Median and 99th percentile in ms, from the commit to Kafka's acknowledgement."""
    stand.new_topic()
    relay, writer = stand.start("noting"), stand.start("steady", rate, seconds)
    relay.go()
    writer.go()
    committed = writer.result()["committed"]
    stand.seconds_until(PENDING, time.monotonic())
    acknowledged = relay.stop()["acknowledged"]
    times = sorted(1000 * (acknowledged[key] - moment) for key, moment in committed.items())
    return statistics.median(times), times[int(len(times) * 0.99)]


def update_rate(stand: Stand, count: int, inbox: str) -> float:
    """Transactions a second of one UPDATE, `with` or `without` the inbox row: one connection of the bare driver."""
    work = stand.start("updates", count, inbox)
    work.go()
    return count / work.result()["seconds"]


def consumer_rate(stand: Stand, count: int, batch: int) -> float:
    """Events a second that the consumer handles, each with one UPDATE; measured between a tenth and the end."""
    stand.new_topic()
    stand.fill_outbox(count)
    relay = stand.start("relay")
    relay.go()
    stand.seconds_until(PENDING, time.monotonic())
    relay.stop()
    work = stand.start("consumer", batch)
    work.go()
    stand.seconds_until(f"SELECT {count} - COUNT(*) FROM inbox", time.monotonic(), pause=0.5)
    moments = work.stop()["moments"]
    tenth = count // 10
    return (count - tenth) / (moments[count - 1] - moments[tenth - 1])


def publish_cost(stand: Stand, count: int) -> tuple[float, float]:
    """Milliseconds of the business transaction without publish(), and what publish() adds, by medians."""
    stand.new_topic()
    work = stand.start("business", count)
    work.go()
    figures = work.result()
    without = statistics.median(figures["without"])
    return 1000 * without, 1000 * (statistics.median(figures["with"]) - without)


def backlog(stand: Stand, count: int, batch: int) -> tuple[float, float, float]:
    """Rate over a backlog, and the relay's memory in MB after the first tenth and at its end."""
    stand.new_topic()
    stand.fill_outbox(count, keys=20_000)
    work = stand.start("relay", BENCH_BATCH_SIZE=str(batch))
    began = time.monotonic()
    work.go()
    last = int(stand.sql("SELECT MAX(id) FROM outbox_event")[0][0])
    first = int(stand.sql("SELECT MIN(id) FROM outbox_event")[0][0])
    tenth = f"SELECT {first + (last - first) // 10} - COALESCE(MIN(id), {last}) FROM outbox_event"
    stand.seconds_until(tenth, began, pause=0.5)
    early = work.resident_mb()
    stand.seconds_until(PENDING, began, pause=0.5)
    late = work.resident_mb()
    return count / (work.stop()["last"] - began), early, late


def idle_share(stand: Stand, seconds: float = 8.0) -> float:
    """Percent of one core that a relay uses while nothing happens."""
    stand.new_topic()
    work = stand.start("relay")
    work.go()
    time.sleep(2)
    before, began = work.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    share = 100 * (work.cpu_seconds() - before) / (time.monotonic() - began)
    work.stop()
    return share
