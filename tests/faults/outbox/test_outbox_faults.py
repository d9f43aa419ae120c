"""Each fault once, with one seed (FAULTS_SEED): what was committed arrives in order and takes effect once."""

import os
from collections.abc import Iterator

import pytest

from .faults import FAULTS, OUTAGES
from .reader import Message, violations
from .running import run_all
from .servers import Servers, own_layout
from .world import running_factory


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[str, BaseException | None]]:
    with running_factory(Servers(own_layout("faults", 100))) as factory:
        yield dict(run_all(factory, int(os.environ.get("FAULTS_SEED", "1"))))


@pytest.mark.parametrize("name", [*FAULTS, *OUTAGES])
def test_the_outbox_keeps_its_promise(outcomes: dict[str, BaseException | None], name: str) -> None:
    if error := outcomes[name]:
        raise error


def messages(*numbers: int, key: str = "a", kept: bool = True) -> list[Message]:
    return [Message(f"{key}{number}", key, {"number": number, "kept": kept}) for number in numbers]


@pytest.mark.parametrize(
    ("published", "effects", "complaint"),
    [
        ([1, 2, 3], [1, 2, 3], None),
        ([1, 2, 1, 2, 3], [1, 2, 3], None),  # sent again by a second relay: the same ids, later
        ([1, 3], [1, 2, 3], "lost [2]"),
        ([1, 3, 2], [1, 2, 3], "out of order"),
        ([1, 2, 3, 4], [1, 2, 3], "never committed [4]"),
        ([1, 2, 3], [1, 2], "lost [3]"),
        ([1, 2, 3], [1, 2, 2, 3], "happened twice [2]"),
        ([1, 2, 3], [2, 1, 3], "out of order"),
    ],
)
def test_the_reader_notices_what_breaks_the_promise(
    published: list[int], effects: list[int], complaint: str | None
) -> None:
    answers = {"counter": [("a", 3)], "effect": [("a", number) for number in effects]}
    echoes = messages(1, 2, 3, key="echo-a")
    found = violations([*messages(*published), *echoes], lambda query: answers[query.split("FROM ")[1].split()[0]])
    assert [complaint in each for each in found] == [True] if complaint else not found


def test_the_reader_notices_what_was_rolled_back() -> None:
    rolled_back = Message("other", "a", {"number": 1, "kept": False})
    answers = {"counter": [("a", 1)], "effect": [("a", 1)]}
    lines = violations(
        [*messages(1), rolled_back, *messages(1, key="echo-a")],
        lambda query: answers[query.split("FROM ")[1].split()[0]],
    )
    assert any("rolled back" in line for line in lines)
