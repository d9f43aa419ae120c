"""`make model`: explore the protocol, then the services' own functions."""

import sys
import time

from tests.model import saga_model, services_model


def main() -> int:
    print("the protocol (saga_model.py): ", end="", flush=True)
    failed = saga_model.explore()
    started = time.perf_counter()
    states, settled, violation = services_model.explore()
    seconds = time.perf_counter() - started
    verdict = f"VIOLATION: {violation}" if violation else "no violation"
    print(f"the services' own functions: {states} states, {settled} of them settled, {verdict} ({seconds:.1f} s)")
    return failed or bool(violation)


if __name__ == "__main__":
    sys.exit(main())
