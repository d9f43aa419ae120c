"""The stack's commands: what starts, in which order, and what ends."""

from functools import partial

from . import database, kafka, redis, supervisor
from .console import note, step
from .environment import write_environment
from .layout import Layout
from .ports import end_leftovers, require_free_ports
from .programs import SERVERS, all_programs

SERVER_READY = {"database": database.ready, "redis": redis.ready, "kafka": kafka.ready}


def infra(layout: Layout, _: str = "") -> None:
    """Start database, Redis and Kafka, and wait until each answers."""
    variables = write_environment(layout)
    (layout.run / "media").mkdir(parents=True, exist_ok=True)
    supervisor.write_configuration(layout, all_programs(layout, variables))
    if not supervisor.is_running(layout):
        end_leftovers(layout)
        require_free_ports(layout, [*SERVERS, "kafka-controller"])
        supervisor.start_daemon(layout, variables if layout.test else {})
    else:
        supervisor.apply_configuration(layout)
    _start_servers(layout)


def _start_servers(layout: Layout) -> None:
    starting = supervisor.start_groups(layout, SERVERS)
    waiting = [name for name in SERVERS if not SERVER_READY[name](layout)]
    if starting or waiting:
        with step(f"Servers: {', '.join(SERVERS)}"):
            for name in waiting:
                log = layout.logs / f"{name}-{name}.log"
                supervisor.wait_until(partial(SERVER_READY[name], layout), 60, f"{name} does not answer", log)


def stop(layout: Layout, _: str = "") -> None:
    """Stop the services, all at once, then the rest, then supervisord."""
    if supervisor.is_running(layout):
        groups = {group for group, _ in supervisor.states(layout)}
        with step("Services"):
            supervisor.stop_groups(layout, groups - set(SERVERS))
        with step("Servers"):
            supervisor.stop_groups(layout, groups)
            supervisor.rpc(layout).shutdown()
            log = layout.logs / "supervisord.log"
            supervisor.wait_until(lambda: not supervisor.is_running(layout), 30, "supervisord does not end", log)
    else:
        note("It was not running.")
    end_leftovers(layout)


COMMANDS = {"infra": infra, "stop": stop}
