"""Places where a test may end the process as if its power had failed: `CRASHPOINT=relay.after_ack_before_delete`.

`FREEZEPOINT` stops it there instead, once, until it gets SIGCONT.
"""

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
    return point in (os.environ.get("CRASHPOINT"), os.environ.get("FREEZEPOINT"))


def reach(point: str) -> None:
    """Die here by SIGKILL, or stop by SIGSTOP, if the environment says so."""
    if os.environ.get("CRASHPOINT") == point:
        os.kill(os.getpid(), signal.SIGKILL)
    if os.environ.get("FREEZEPOINT") == point:
        del os.environ["FREEZEPOINT"]
        os.kill(os.getpid(), signal.SIGSTOP)
