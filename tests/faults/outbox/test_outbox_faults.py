"""Each fault once, with one seed (FAULTS_SEED): what was committed arrives in order and takes effect once."""

import os
import random
from collections.abc import Iterator

import pytest

from .faults import FAULTS
from .servers import Servers, own_layout
from .world import Factory, World, running_factory


@pytest.fixture(scope="module")
def factory() -> Iterator[Factory]:
    with running_factory(Servers(own_layout("faults", 100))) as made:
        yield made


@pytest.mark.parametrize("name", FAULTS)
def test_the_outbox_keeps_its_promise(factory: Factory, name: str) -> None:
    seed = os.environ.get("FAULTS_SEED", "1")
    world = World(factory, name[:40], random.Random(f"{name}-{seed}"))
    try:
        FAULTS[name](world)
        world.check()
    finally:
        world.end()
