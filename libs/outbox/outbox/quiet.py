"""Saying a thing that stays true for hours no more than once a minute."""

import logging
import time

_said: dict[tuple[str, str], float] = {}


def once_a_minute(logger: logging.Logger, level: int, message: str, **extra: object) -> None:
    """Log `message`, unless this logger said the same within the last 60 seconds."""
    moment, place = time.monotonic(), (logger.name, message)
    if moment - _said.get(place, float("-inf")) >= 60:
        _said[place] = moment
        logger.log(level, message, extra=extra)
