"""How long to wait before trying again."""

import random


def full_jitter(failures: int, *, first: float = 0.1, longest: float = 30.0) -> float:
    """Seconds, at random between `first` and a bound that doubles with each failure up to `longest`."""
    return random.uniform(first, max(first, min(longest, first * 2.0 ** min(failures, 32))))  # noqa: S311 jitter
