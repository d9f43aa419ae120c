"""Runs faults: several of the processes' at a time, each in a world of its own, then the servers' one by one."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from .faults import FAULTS, OUTAGES, Fault
from .world import Factory, World

AT_A_TIME = 3


def survive(factory: Factory, name: str, fault: Fault, seed: int) -> None:
    """Let it happen and let the independent reader judge. Raises AssertionError with what was violated."""
    world = World(factory, name, random.Random(f"{name}-{seed}"))
    try:
        fault(world)
        world.check()
    finally:
        world.end()


def outcome(factory: Factory, name: str, fault: Fault, seed: int) -> tuple[str, BaseException | None]:
    """The fault's name, and what was wrong."""
    try:
        survive(factory, name, fault, seed)
    except Exception as error:  # noqa: BLE001 whatever it is, it was not survived
        return name, error
    return name, None


def run_all(factory: Factory, seed: int) -> Iterator[tuple[str, BaseException | None]]:
    """Each fault once; as they end."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        yield from pool.map(lambda pair: outcome(factory, *pair, seed), FAULTS.items())
    for pair in OUTAGES.items():
        yield outcome(factory, *pair, seed)
