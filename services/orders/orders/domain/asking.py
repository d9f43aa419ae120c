"""When to ask again for an answer that does not come (case 22). Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

ASK_AFTER = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
ALARM_AFTER = ASK_AFTER[-1] + ASK_AFTER[0]  # the last question gets as long as the first had
WAITS = (*ASK_AFTER, ALARM_AFTER)  # by how often it was asked again
ALARM = len(WAITS)


def next_question(asked: int, *, since: datetime, now: datetime) -> int | None:
    """The number of the repeat that is due (1..3), ALARM once the last stayed unanswered, None while there is time.

    `asked` is the number that was reached, `since` the moment of the first question. After a pause of the sweep only
    the next question is asked, never several at once.
    """
    if asked >= ALARM:
        return None
    return asked + 1 if now >= since + WAITS[asked] else None
