"""Places where a test may end the process as if its power had failed: `CRASHPOINT=relay.after_ack_before_delete`."""

import os
import signal

POINTS = (
    "relay.after_claim",  # before anything is sent
    "relay.mid_batch",  # the first message is acknowledged, others are in flight or not begun
    "relay.after_ack_before_delete",
    "relay.after_delete_before_commit",
    "consumer.before_commit",
    "consumer.after_commit_before_offset",
)


def is_armed(point: str) -> bool:
    """True when reaching this point ends the process; for loops that cannot ask each time."""
    return os.environ.get("CRASHPOINT") == point


def reach(point: str) -> None:
    """Die here by SIGKILL if the environment says so."""
    if is_armed(point):
        os.kill(os.getpid(), signal.SIGKILL)
