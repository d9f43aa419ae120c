"""Ready means: each service answers /readyz through the gateway, and each consumer has caught up with its topics."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from datetime import UTC, datetime

from . import database, supervisor
from .console import Failure
from .layout import Layout, dotenv, topics

PATIENCE = 120.0  # seconds; a cold start of all processes took 57 to 82 on two busy cores
CRASHING = 20.0  # seconds of ending at once, after which waiting on would be no use


def wait_until_ready(layout: Layout, services: list[str]) -> None:
    """Return when all of these services are ready; Failure says which are not, and where to look."""
    deadline = time.monotonic() + PATIENCE
    failing_since: dict[str, float] = {}
    waiting = dict.fromkeys(services, "has not been asked")
    while waiting:
        waiting = {service: reason for service in waiting if (reason := what_is_missing(layout, service))}
        if not waiting:
            return
        if time.monotonic() > deadline:
            reasons = "\n    ".join(f"{service}: {reason}" for service, reason in waiting.items())
            first = next(iter(waiting))
            raise Failure(
                f"After {PATIENCE:.0f} s these are not ready:\n    {reasons}",
                f"Read {layout.logs}/{first}-*.log (`make logs s={first}`), mend it, then run `make run` again.",
            )
        _require_no_crash_loop(layout, waiting, failing_since)
        time.sleep(0.5)


def _require_no_crash_loop(layout: Layout, services: Iterable[str], failing_since: dict[str, float]) -> None:
    """Failure when a process of these services has ended again and again for some time."""
    for (group, name), info in supervisor.states(layout).items():
        if group not in services or info["statename"] == "RUNNING":
            failing_since.pop(f"{group}-{name}", None)
        elif info["statename"] in ("BACKOFF", "FATAL"):
            since = failing_since.setdefault(f"{group}-{name}", time.monotonic())
            if time.monotonic() - since > CRASHING:
                log = layout.logs / f"{group}-{name}.log"
                last = "\n    ".join(line[:300] for line in log.read_text(errors="replace").splitlines()[-3:])
                remedy = f"Read {log}, mend it, then run `make run` again."
                raise Failure(f"{group}:{name} ends as soon as it is started:\n    {last}", remedy)


def what_is_missing(layout: Layout, service: str) -> str:
    """Why this service is not ready, or nothing."""
    return _web(layout, service) or _consumer(layout, service)


def _web(layout: Layout, service: str) -> str:
    try:
        with urllib.request.urlopen(f"{layout.url('operators')}/readyz/{service}", timeout=5) as answer:  # noqa: S310
            return "" if answer.status == 200 else f"/readyz answers {answer.status}"
    except urllib.error.HTTPError as error:
        if error.code == 502:  # the gateway's own word
            return "its web process does not answer"
        return f"/readyz answers {error.code}: {error.read(300).decode(errors='replace')}"
    except OSError as error:
        return f"/readyz does not answer ({error})"


def _consumer(layout: Layout, service: str) -> str:
    """Its `consumer_progress` must have a row, newer than the process, for each partition that it reads."""
    expected = {_name(topic): topic["partitions"] for topic in topics() if service in topic.get("consumers", ())}
    if not expected:
        return ""
    events = supervisor.states(layout).get((service, "events"))
    if events is None or events["statename"] != "RUNNING":
        return "its events process is not running"
    since = datetime.fromtimestamp(events["start"], UTC).strftime("%Y-%m-%d %H:%M:%S")
    counted = f"SELECT topic, COUNT(*) FROM consumer_progress WHERE caught_up_at >= '{since}' GROUP BY topic"  # noqa: S608
    rows = database.query(layout, service, counted)
    if rows is None:
        return "its consumer_progress table cannot be read"
    found = {topic: int(count) for topic, count in rows}
    behind = [f"{name} {found.get(name, 0)}/{count}" for name, count in expected.items() if found.get(name, 0) < count]
    return f"its consumer has not caught up: {', '.join(behind)} partitions" if behind else ""


def _name(topic: dict) -> str:
    return dotenv().get(topic["setting"], topic["name"])
