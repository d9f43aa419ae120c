"""`make model`: explore the protocol, then the services' own functions; states, settled states, violations."""

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from tests.model import afterwards_model, saga_model, services_model, two_orders_model
from tests.model.exploring import Explored


def models() -> Iterator[tuple[str, Callable[[], Explored]]]:
    yield "one order, until it is paid or closed", services_model.explore
    yield "two orders for the last unit", two_orders_model.explore
    for story, accidents in afterwards_model.STORIES.items():
        yield f"a paid order: {story}", partial(afterwards_model.explore, accidents)


def main() -> int:
    print("the protocol (saga_model.py): ", end="", flush=True)
    failed, states, settled = saga_model.explore(), 0, 0
    for title, explore in models():
        started = time.perf_counter()
        found = explore()
        seconds = time.perf_counter() - started
        verdict = f"VIOLATION: {found.violation}" if found.violation else "no violation"
        print(f"{title}: {found.states} states, {found.settled} settled, {verdict} ({seconds:.1f} s)", flush=True)
        failed = failed or bool(found.violation)
        states, settled = states + found.states, settled + found.settled
    print(f"the services' own functions: {states} states, {settled} of them settled")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
