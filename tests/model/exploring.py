"""Breadth-first exploration of a model: every state that can be reached, and the shortest way to a violation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

LIMIT = 3_000_000
World = TypeVar("World")


class Explored(NamedTuple):
    """How many states there are, how many of them rest, and the first violation with the path that led to it."""

    states: int
    settled: int
    violation: str | None


def explore_from(
    start: World,
    duties: Callable[[World], Iterator[World]],
    choices: Callable[[World], Iterator[World]],
    violations: Callable[..., Iterator[str]],
) -> Explored:
    """`duties` is what the system does by itself, `choices` what people and accidents may do; a state without duties
    rests, and is asked whether it may. A model of more than LIMIT states is a violation.
    """
    came_from: dict[World, World | None] = {start: None}
    queue, settled = deque([start]), 0
    while queue:
        world = queue.popleft()
        owed = [after for after in duties(world) if after != world]
        settled += not owed
        for problem in violations(world, is_settled=not owed):
            return Explored(len(came_from), settled, f"{problem}\n{path_to(world, came_from)}")
        for after in [*owed, *choices(world)]:
            if after not in came_from:
                came_from[after] = world
                queue.append(after)
        if len(came_from) > LIMIT:
            return Explored(len(came_from), settled, "too many states to explore")
    return Explored(len(came_from), settled, None)


def path_to(world: World, came_from: dict[World, World | None]) -> str:
    """What changed, step by step, from the start."""
    path: list[Any] = [world]
    while (before := came_from[path[-1]]) is not None:
        path.append(before)
    path.reverse()
    return "\n".join(_changes(before, after) for before, after in pairwise(path))


def _changes(before: Any, after: Any) -> str:
    names = [field.name for field in fields(after) if getattr(after, field.name) != getattr(before, field.name)]
    return ", ".join(f"{name}={getattr(after, name)!r}" for name in names)
