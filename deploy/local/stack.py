"""The stack's commands: what starts, in which order, and what ends."""

import os
import shutil
from collections.abc import Callable
from functools import partial

from . import broker, database, redis, supervisor
from .console import Failure, note, step
from .environment import load_secrets, write_environment
from .layout import PORTS, ROOT, SERVICES, Layout, choose_layout, existing_services
from .ports import answers, end_leftovers, require_free_ports, wait_for_the_end
from .preparation import prepare_services, version_of
from .programs import EDGE, SERVERS, all_programs
from .readiness import wait_until_ready, what_is_missing
from .usage import pss_by_tree

SERVER_READY = {"database": database.ready, "redis": redis.ready, "kafka": broker.ready}


def make_way(layout: Layout, command: str) -> None:
    """Before a first start: end what an interrupted run left, and refuse ports that other programs hold."""
    if not supervisor.is_running(layout):
        end_leftovers(layout)
        require_free_ports(layout, list(PORTS) if command == "run" else [*SERVERS, "kafka-controller"])


def infra(layout: Layout, _: str = "") -> None:
    """Start database, Redis and Kafka, and wait until each answers."""
    _start_supervisor(layout)
    _start_servers(layout)


def run(layout: Layout, _: str = "") -> None:
    """Start everything that does not run yet, or whose code has changed, and wait until it is ready."""
    environment = _start_supervisor(layout)
    _start_servers(layout)
    services = existing_services()
    for service in set(SERVICES) - set(services):
        note(f"services/{service} has no manage.py here: left out.")
    supervisor.start_groups(layout, EDGE)
    changed = [service for service in services if _started_version(layout, service) != version_of(service, layout)]
    prepare_services(layout, services, environment)
    supervisor.stop_groups(layout, changed)
    for service in services:
        (layout.run / f"started-{service}").write_text(version_of(service, layout))
    starting = supervisor.start_groups(layout, services)
    if starting or any(what_is_missing(layout, service) for service in services):
        with step(f"Services: {', '.join(services)}"):
            wait_until_ready(layout, services)
    for name in EDGE:
        answering = partial(answers, layout.port(name))
        supervisor.wait_until(answering, 30, f"the {name} does not answer", layout.logs / f"{name}-{name}.log")
    _show_addresses(layout)


def stop(layout: Layout, _: str = "") -> None:
    """Stop the services, all at once, then the rest, then supervisord."""
    if not supervisor.is_running(layout):
        note("It was not running.")
        return end_leftovers(layout)
    groups = {group for group, _ in supervisor.states(layout)}
    with step("Services stopped"):
        supervisor.stop_groups(layout, groups & set(SERVICES))
    with step("Gateway, mailbox, provider and servers stopped"):
        supervisor.stop_groups(layout, groups)
        supervisor.rpc(layout).shutdown()
        wait_for_the_end(layout, 30)
    return end_leftovers(layout)


def restart(layout: Layout, group: str) -> None:
    """Restart one service (all its roles) or one server, and wait until it is ready."""
    _require(layout, group)
    with step(f"{group} restarted"):
        supervisor.stop_groups(layout, [group])
        supervisor.start_groups(layout, [group])
        if group in SERVER_READY:
            log = layout.logs / f"{group}-{group}.log"
            supervisor.wait_until(partial(SERVER_READY[group], layout), 60, f"{group} does not answer", log)
        if group in SERVICES:
            wait_until_ready(layout, [group])


def status(layout: Layout, _: str = "") -> None:
    """Show each process with its state and memory, and what is not ready."""
    if not supervisor.is_running(layout):
        raise Failure("It is not running.", "Start it: make run")
    states = supervisor.states(layout)
    memory = pss_by_tree({f"{group}:{name}": info["pid"] for (group, name), info in states.items() if info["pid"]})
    for (group, name), info in states.items():
        held, processes = memory.get(f"{group}:{name}", (0, 0))
        print(f"  {group + ':' + name:26}{info['statename']:10}{held:5} MB in {processes}  {info['description']}")
    print(f"  {'all':26}{'':10}{sum(held for held, _ in memory.values()):5} MB (PSS)")
    for service in existing_services():
        if missing := what_is_missing(layout, service):
            print(f"  {service} is not ready: {missing}")


def logs(layout: Layout, group: str) -> None:
    """Follow the log files of one group."""
    files = sorted(layout.logs.glob(f"{group}-*.log"))
    if not files:
        raise Failure(f"There is no log of {group!r}.", f"Name one of: {', '.join((*SERVICES, *SERVERS, *EDGE))}")
    os.execvp("tail", ["tail", "-n", "40", "-F", *map(str, files)])  # noqa: S606


def clean(layout: Layout, _: str = "") -> None:
    """Stop everything and remove its data, after asking."""
    print(f"  This stops the stack and removes all its data, the tests' too: {ROOT / '.run'}")
    try:
        agreed = input("  Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        agreed = False
    if not agreed:
        return note("Nothing was removed.")
    for chosen in (choose_layout(test=False), choose_layout(test=True)):
        stop(chosen)
    shutil.rmtree(ROOT / ".run")
    return note("Removed.")


COMMANDS: dict[str, Callable[[Layout, str], None]] = {
    "infra": infra,
    "run": run,
    "stop": stop,
    "restart": restart,
    "status": status,
    "logs": logs,
    "clean": clean,
}


def _start_supervisor(layout: Layout) -> dict[str, str]:
    """Have supervisord run with today's configuration; the variables that its programs are given."""
    variables = write_environment(layout)
    environment = variables | {"CROSSBORDER_TESTING": "1"} if layout.test else {}
    (layout.run / "media").mkdir(parents=True, exist_ok=True)
    supervisor.write_configuration(layout, all_programs(layout, variables))
    if supervisor.is_running(layout):
        supervisor.apply_configuration(layout)
    else:
        supervisor.start_daemon(layout, environment)
    return environment


def _start_servers(layout: Layout) -> None:
    starting = supervisor.start_groups(layout, SERVERS)
    waiting = [name for name in SERVERS if not SERVER_READY[name](layout)]
    if starting or waiting:
        with step(f"Servers: {', '.join(SERVERS)}"):
            for name in waiting:
                log = layout.logs / f"{name}-{name}.log"
                supervisor.wait_until(partial(SERVER_READY[name], layout), 60, f"{name} does not answer", log)


def _started_version(layout: Layout, service: str) -> str:
    path = layout.run / f"started-{service}"
    return path.read_text() if path.exists() else ""


def _require(layout: Layout, group: str) -> None:
    if not supervisor.is_running(layout):
        raise Failure("It is not running.", "Start it: make run")
    known = {group for group, _ in supervisor.states(layout)}
    if group not in known:
        raise Failure(f"There is no {group!r} to restart.", f"Name one of: {', '.join(sorted(known))}")


def _show_addresses(layout: Layout) -> None:
    known = load_secrets(layout)
    rows = [
        ("gateway", layout.url("gateway")),
        ("API docs", f"{layout.url('gateway')}/api/docs"),
        ("operators", f"{layout.url('operators')}/  admin, Flower, metrics and health of each service"),
        ("mailbox", layout.url("mailbox")),
        *([("sandbox provider", layout.url("sandbox"))] if ("sandbox", "sandbox") in supervisor.states(layout) else []),
        ("admin password", f"admin (identity: admin@crossborder.example) / {known['OPERATOR_PASSWORD']}"),
        ("Flower password", f"admin / {known['FLOWER_PASSWORD']}"),
    ]
    print("\n  Ready.\n" + "".join(f"  {name:18}{text}\n" for name, text in rows))
