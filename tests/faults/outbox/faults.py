"""Every fault: what is done to the service while it writes. FAULTS and OUTAGES are what runner and tests go through."""

import json
import os
import time
from collections.abc import Callable
from zlib import crc32

from .world import World

Fault = Callable[[World], None]
FAULTS: dict[
    str, Fault
] = {}  # those of processes and messages: several may happen at the same time, in worlds of their own
OUTAGES: dict[str, Fault] = {}  # those of the servers, which all worlds share: one after the other
FROZEN = 4.5  # seconds: longer than a relay's database session lives here
RELAY_POINTS = (
    "relay.after_claim",
    "relay.mid_batch",
    "relay.after_ack_before_delete",
    "relay.after_delete_before_commit",
)
CONSUMER_POINTS = ("consumer.before_commit", "consumer.after_commit_before_offset")


def fault(function: Fault) -> Fault:
    """Put it on the list, under its name."""
    FAULTS[function.__name__] = function
    return function


def outage(function: Fault) -> Fault:
    """Put it on the other list."""
    OUTAGES[function.__name__] = function
    return function


# --- the relay ---


@fault
def relay_killed_before_send_after_ack_and_mid_batch(world: World) -> None:
    world.consumer()
    writing = world.writer(2.5)
    world.until(lambda: world.committed() > 20, "the first commits")
    for point in (*RELAY_POINTS, *world.chance.sample(RELAY_POINTS, 2)):
        assert world.relay(CRASHPOINT=point).wait() == -9, f"{point} was never reached"
    writing.wait()
    world.relay()


@fault
def relays_killed_at_random(world: World) -> None:
    world.consumer()
    writing = world.writer(3.0)
    relays = [world.relay() for _ in range(3)]
    for _ in range(6):
        world.pause(0.1, 0.6)
        victim = world.chance.randrange(3)
        relays[victim].kill()
        relays[victim] = world.relay()
    writing.wait()


@fault
def relays_frozen_past_their_session(world: World) -> None:
    world.consumer()
    writing = world.writer(3.0)
    relays = [world.relay() for _ in range(3)]
    world.until(lambda: world.effects() > 20, "the first effects")
    for relay in relays[:2]:
        world.pause(0.0, 0.3)
        relay.freeze()
    frozen_at = time.monotonic()
    writing.wait()
    world.until(lambda: world.number("SELECT COUNT(*) FROM outbox_event") == 0, "the third relay sends everything")
    world.until(lambda: time.monotonic() - frozen_at > FROZEN, "the sessions of the frozen are over")
    more = world.writer(1.0)
    for relay in relays[:2]:
        relay.thaw()
    more.wait()


@fault
def relays_end_gracefully_and_send_nothing_twice(world: World) -> None:
    from .reader import read_topic

    world.consumer()
    writing = world.writer(2.5)
    for _ in range(4):
        relay = world.relay()
        world.pause(0.3, 0.7)
        relay.terminate()
        assert relay.wait() == 0, "a relay ends by itself when it is asked to"
    writing.wait()
    world.relay()
    world.until(world.is_settled, "everything is sent")
    ids = [message.id for message in read_topic(world.kafka, world.topic)]
    assert len(ids) == len(set(ids)), "SIGTERM waits for acknowledgements, so nothing is sent twice"


@fault
def no_relay_at_all_only_beat(world: World) -> None:
    world.consumer()
    writing = world.writer(2.0)
    for _ in range(3):
        beat = world.start("beat", seconds=60.0)
        world.pause(0.4, 0.8)
        beat.kill()
    world.start("beat", seconds=60.0)
    writing.wait()


# --- one message ---


@fault
def one_message_is_too_large(world: World) -> None:
    """It is put past publish(), which would refuse it; its key waits, the others flow, a person gives it up."""
    world.consumer()
    key, payload = "key-0", json.dumps({"number": 0, "kept": True, "text": "x" * 2_000_000})
    headers = json.dumps({"ce_id": "large", "ce_specversion": "1.0", "ce_type": "t", "ce_source": "/t"})
    world.rows(
        "INSERT INTO outbox_event (lane, event_id, topic, `key`, type, subject, payload, headers, created_at, attempts,"
        " last_error) VALUES (%s, 'large', %s, %s, 't', '', %s, %s, UTC_TIMESTAMP(6), 0, '')",
        (crc32(f"{world.topic}:{key}".encode()) % 16, world.topic, key, payload, headers),
    )
    world.relay()
    world.writer(2.0).wait()
    others = "SELECT COUNT(*) FROM outbox_event WHERE `key` <> 'key-0'"
    world.until(lambda: world.number(others) == 0, "the other keys flow")
    world.until(lambda: world.number("SELECT COUNT(*) FROM outbox_dead") == 1, "the large message is dead")
    assert world.number("SELECT COUNT(*) FROM effect WHERE `key` = 'key-0'") == 0, "its key waits for a person"
    assert world.start("outbox_dead", "discard", "--all", "--by", "ada").wait() == 0


@fault
def poison_event(world: World) -> None:
    """A handler that fails for good parks its key, others flow; mended and retried, the key goes on in order."""
    world.rows("INSERT INTO mood (`key`) VALUES ('key-1'), ('key-2')")
    world.relay()
    consumers = [world.consumer() for _ in range(2)]
    world.writer(2.0).wait()
    sound = "SELECT SUM(version) FROM counter WHERE `key` NOT IN ('key-1', 'key-2')"
    world.until(lambda: world.effects() >= world.number(sound), "the other keys flow")
    poisoned = "SELECT SUM(version) FROM counter WHERE `key` IN ('key-1', 'key-2')"
    parked = "SELECT COUNT(*) FROM inbox_parked"
    world.until(lambda: world.number(parked) == world.number(poisoned), "the poisoned keys are parked as a whole")
    consumers[0].kill()
    world.rows("DELETE FROM mood")
    more = world.writer(1.0)
    assert world.start("inbox_parked", "retry", "--all").wait() == 0
    more.wait()
    world.until(lambda: retry_and_see(world), "what was parked is handled")


def retry_and_see(world: World) -> bool:
    """As the sweep does: heads that are due, until nothing is parked."""
    if world.number("SELECT COUNT(*) FROM inbox_parked"):
        world.start("inbox_parked", "retry", "--all").wait()
    return world.is_settled() and world.number("SELECT COUNT(*) FROM inbox_parked") == 0


# --- the servers ---


@outage
def broker_stopped_for_a_while_and_bounced(world: World) -> None:
    world.consumer()
    world.relay()
    world.relay()
    writing = world.writer(4.0)
    world.until(lambda: world.effects() > 20, "the first effects")
    world.servers.kafka.stop()
    away, length = time.monotonic(), float(os.environ.get("FAULTS_OUTAGE", "1.5"))
    world.until(lambda: time.monotonic() - away > length, "the outage is over", length + 5)
    assert world.number("SELECT COUNT(*) FROM outbox_dead") == 0, "an outage makes nothing dead"
    world.servers.kafka.start()
    world.pause(0.2, 1.0)
    world.servers.kafka.kill()
    world.servers.kafka.start()
    writing.wait()
    assert world.number("SELECT COALESCE(MAX(attempts), 0) FROM outbox_event") == 0, "an outage is nobody's attempt"


@outage
def database_killed_mid_transaction(world: World) -> None:
    world.consumer()
    relays = [world.relay() for _ in range(2)]
    writing = world.writer(4.0)
    for _ in range(2):
        before = world.effects()
        world.until(lambda least=before: world.effects() > least + 20, "effects")
        world.pause(0.0, 0.3)
        world.servers.database.kill()
        world.pause(0.1, 0.5)
        world.servers.database.start()
    writing.wait()
    assert all(relay._process.is_alive() for relay in relays), "relays outlive their database"


@outage
def redis_gone(world: World) -> None:
    world.consumer()
    world.relay()
    writing = world.writer(2.5)
    world.until(lambda: world.effects() > 20, "the first effects")
    world.servers.redis.kill()
    before = world.effects()
    world.until(lambda: world.effects() > before + 20, "the relay polls", 10)
    writing.wait()
    world.until(world.is_settled, "everything arrives without Redis")
    world.servers.redis.start()
    world.writer(0.5).wait()


@fault
def writers_killed_mid_transaction(world: World) -> None:
    world.consumer()
    world.relay()
    for _ in range(4):
        writer = world.writer(10.0)
        world.pause(0.3, 0.7)
        writer.kill()


# --- the consumer ---


@fault
def consumer_killed_before_and_after_commit(world: World) -> None:
    world.relay()
    writing = world.writer(3.0)
    for point in (*CONSUMER_POINTS, *world.chance.sample(CONSUMER_POINTS, 1)):
        assert world.consumer(CRASHPOINT=point).wait() == -9, f"{point} was never reached"
    victim = world.consumer()
    world.until(lambda: world.effects() > 20, "effects")
    victim.kill()
    world.consumer()
    writing.wait()


@fault
def consumer_frozen_past_its_session(world: World) -> None:
    world.relay()
    frozen, other = world.consumer(), world.consumer()
    writing = world.writer(4.0)
    world.until(lambda: world.effects() > 20, "effects")
    frozen.freeze()
    since = time.monotonic()
    world.until(lambda: time.monotonic() - since > 3.2, "its session is over")
    frozen.thaw()
    writing.wait()
    world.pause(0.0, 0.5)
    other.kill()


@fault
def handler_hangs_past_max_poll_interval(world: World) -> None:
    """The process is alive and sends its heartbeats, but does not poll: its partitions go to another."""
    gate = world.servers.logs / f"{world.topic}.gate"
    gate.touch()
    world.relay()
    writing = world.writer(2.0)
    world.consumer(GATE=str(gate))
    world.until(lambda: world.committed() > 50, "commits")
    since = time.monotonic()
    world.consumer()
    world.until(lambda: time.monotonic() - since > 3.5, "max.poll.interval.ms is over")
    gate.unlink()
    writing.wait()


def rebalances(world: World, protocol: str) -> None:
    """Members come, go and die while they handle."""
    world.relay()
    writing = world.writer(4.0)
    settings = {"GROUP_PROTOCOL": protocol}
    if protocol == "consumer":
        settings["CONSUMER"] = {"max.poll.interval.ms": 3000}
    members = [world.consumer(outbox=settings)]
    for _ in range(6):
        world.pause(0.3, 0.8)
        if len(members) < 2 or world.chance.random() < 0.5:
            members.append(world.consumer(outbox=settings))
            continue
        member = members.pop(world.chance.randrange(len(members)))
        if world.chance.random() < 0.5:
            member.kill()
        else:
            member.terminate()
            assert member.wait() == 0, "a consumer ends by itself when it is asked to"
    writing.wait()


@fault
def rebalances_of_a_cooperative_group(world: World) -> None:
    rebalances(world, "classic")


@fault
def rebalances_of_the_new_group_protocol(world: World) -> None:
    rebalances(world, "consumer")


@fault
def offsets_reset_to_earliest(world: World) -> None:
    world.relay()
    consumer = world.consumer()
    world.writer(2.0).wait()
    world.until(world.is_settled, "everything is handled")
    consumer.terminate()
    assert consumer.wait() == 0
    world.reset_offsets()
    writing = world.writer(1.0)
    world.consumer()
    writing.wait()
