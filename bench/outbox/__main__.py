"""`make bench b=outbox`: every figure of libs/outbox in one run, as a table and, in the last line, as one JSON object.

It starts durable servers of its own and ends them. Figures that are compared are taken by turns, several times; the
table shows medians and, in brackets, the least and the most. DB=mysql measures on MySQL.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from . import measurements as measure
from .stand import Stand, standing

BATCH = 125  # rows per lane and claim, for all relays measured here; the default is 50
EVENTS = 40_000
QUICK = {"rounds": 1, "backlog": 100_000}
WHOLE = {"rounds": 3, "backlog": 1_000_000}


@dataclass
class Line:
    """A row of the table."""

    what: str
    figure: str
    goal: str
    reached: bool | None


class Report:
    """Collects the rows and the plain figures."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.figures: dict[str, float | list[float]] = {}

    def add(self, what: str, figure: str, goal: str = "", reached: bool | None = None) -> None:
        line = Line(what, figure, goal, reached)
        self.lines.append(line)
        print(f"  {what:48}{figure}", flush=True)

    def table(self) -> str:
        marks = {True: "yes", False: "NO", None: ""}
        rows = [f"{line.what:48}{line.figure:44}{line.goal:24}{marks[line.reached]}" for line in self.lines]
        return "\n".join([f"{'what':48}{'figure':44}{'goal':24}reached", *rows])


def spread(values: list[float], form: str = ",.0f") -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def by_turns(rounds: int, runs: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Each of the runs once, then again: what disturbs one disturbs all."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(run())
    return found


def relays(stand: Stand, report: Report, rounds: int) -> None:
    """One, two and four relays, the same without order, and the peer."""

    def relay(count: int, role: str = "relay") -> Callable[[], float]:
        return lambda: measure.relay_rate(stand, EVENTS, count, role, BATCH)

    names = {
        "peer, as safe": lambda: measure.peer_rate(stand, 2_000, flush=True),
        "peer, fire and forget": lambda: measure.peer_rate(stand, 4_000, flush=False),
        "one relay": relay(1),
        "one relay without order": relay(1, "unordered"),
        "two relays": relay(2),
        "four relays": relay(4),
    }
    found = by_turns(rounds, names)
    report.figures.update(found)
    middle = {name: statistics.median(values) for name, values in found.items()}
    for name, values in found.items():
        report.add(f"{name}, events/s", spread(values))
    one, two, peer = middle["one relay"], middle["two relays"], middle["peer, as safe"]
    ratio(report, "one relay against django-outbox-pattern", one / peer, 20)
    ratio(report, "two relays against django-outbox-pattern", two / peer, 25)
    ratio(report, "strict order against no order", one / middle["one relay without order"], 0.8)
    ratio(report, "two relays against one", two / one, 1.2)
    ratio(report, "four relays against one", middle["four relays"] / one, 0.9)


def ratio(report: Report, what: str, value: float, least: float) -> None:
    report.figures[what] = value
    report.add(what, f"{value:.2f} x", f"at least {least} x", value >= least)


def latency(stand: Stand, report: Report, rounds: int) -> None:
    found = [measure.commit_to_ack(stand, rate=200, seconds=8) for _ in range(rounds)]
    for name, place, most in (("p50", 0, 5), ("p99", 1, 20)):
        values = [each[place] for each in found]
        report.figures[f"commit to ack, {name} ms"] = values
        reached = statistics.median(values) < most
        report.add(f"commit to ack at 200/s, {name}, ms", spread(values, ".1f"), f"under {most} ms", reached)


def consumer(stand: Stand, report: Report, rounds: int) -> None:
    found = by_turns(
        rounds,
        {
            "the database, UPDATE alone": lambda: measure.update_rate(stand, 3_000, "without"),
            "the database, with inbox row": lambda: measure.update_rate(stand, 3_000, "with"),
            "one by one": lambda: measure.consumer_rate(stand, 3_000, 1),
            "in batches": lambda: measure.consumer_rate(stand, 20_000, 100),
        },
    )
    report.figures.update({f"consumer: {name}": values for name, values in found.items()})
    for name, values in found.items():
        report.add(f"one UPDATE each: {name}, /s", spread(values))
    bare, such, single, batches = (statistics.median(values) for values in found.values())
    ratio(report, "consumer one by one against such transactions", single / such, 0.7)
    ratio(report, "consumer in batches against the bare UPDATE", batches / bare, 1.4)


def costs(stand: Stand, report: Report, rounds: int) -> None:
    found = [measure.publish_cost(stand, 400) for _ in range(rounds)]
    shares = [100 * cost / (without + cost) for without, cost in found]
    report.figures["publish, % of the transaction"] = shares
    text = f"{spread(shares, '.1f')} of {statistics.median([sum(each) for each in found]):.2f} ms"
    report.add("publish() in a business transaction, %", text, "at most 15 %", statistics.median(shares) <= 15)
    share = measure.idle_share(stand)
    report.figures["idle, % of a core"] = share
    report.add("an idle relay, % of a core", f"{share:.2f}", "under 1 %", share < 1)


def backlogs(stand: Stand, report: Report, rounds: int, large: int) -> None:
    small = [measure.backlog(stand, 10_000, BATCH)[0] for _ in range(rounds)]
    rate, early, late = measure.backlog(stand, large, BATCH)
    report.figures |= {"backlog of 10,000": small, f"backlog of {large:,}": rate, "memory, MB": [early, late]}
    report.add("backlog of 10,000, events/s", spread(small))
    report.add(f"backlog of {large:,}, events/s", f"{rate:,.0f}")
    ratio(report, "large backlog against small", rate / statistics.median(small), 0.8)
    text = f"{early:.0f} MB after a tenth, {late:.0f} MB at the end"
    report.add("memory of the relay meanwhile", text, "flat", late < early * 1.1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench b=outbox", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each figure once, and a backlog of 100,000")
    chosen = QUICK if parser.parse_args().quick else WHOLE
    report = Report()
    with standing() as stand:
        version = stand.sql("SELECT VERSION()")[0][0]
        print(f"  {version}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before it began")
        relays(stand, report, chosen["rounds"])
        latency(stand, report, chosen["rounds"])
        consumer(stand, report, chosen["rounds"])
        costs(stand, report, chosen["rounds"])
        backlogs(stand, report, chosen["rounds"], chosen["backlog"])
    print(f"\n{report.table()}\n")
    print(json.dumps({"database": version, "cores": os.cpu_count(), **report.figures}))


if __name__ == "__main__":
    main()
