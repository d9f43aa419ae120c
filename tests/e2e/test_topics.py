"""After everything that the tests before this one did: what was published was handled, each key's events in order."""

from __future__ import annotations

from deploy.audit import topics
from deploy.audit.__main__ import connect
from deploy.local.shopper import wait_for


def test_every_event_was_handled_and_each_keys_in_order(stack):
    def found() -> dict[str, list[tuple]]:
        return topics.violations(stack.variables, connect(stack.variables), settled=5)

    wait_for(lambda: not found(), 60, "every event to be handled", found, pause=1)
