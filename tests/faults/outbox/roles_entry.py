"""The door to `roles`, which must be imported in the fork server alone: it sets Django up."""

from typing import Any


def play(*args: Any) -> None:
    """See roles.play."""
    from tests.faults.outbox.roles import play as really

    really(*args)
