"""A write that the database chose as a deadlock's victim is done again."""

import threading
from datetime import UTC, datetime

from project.models import Thing


def test_two_writes_in_a_deadlock_both_have_their_effect(api, moods, in_thread):
    first, second = (Thing.objects.create(name=name, made_at=datetime.now(UTC)) for name in "ab")
    both_hold_one, tries, lock = threading.Barrier(2), [], threading.Lock()

    def meet() -> None:
        with lock:
            tries.append(1)
        if len(tries) <= 2:
            both_hold_one.wait(20)

    moods["locked 0"] = meet
    orders = [[first.id, second.id], [second.id, first.id]]
    answers = [in_thread(api.post, "/api/v1/both", {"ids": ids}) for ids in orders]
    assert [answer.result(60).status_code for answer in answers] == [200, 200]
    assert len(tries) >= 3, "one of them was tried again"
    assert set(Thing.objects.values_list("number", flat=True)) == {2}
