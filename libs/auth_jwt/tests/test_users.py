"""What `user-events` teach: the newest snapshot wins, in any order, however often it comes; erasing is for ever."""

import itertools
from uuid import UUID, uuid4

import pytest
from auth_jwt.models import KnownUser
from auth_jwt.testing import access_token, install_key
from auth_jwt.verification import InvalidToken, verify
from outbox.testing import deliver

REGISTERED, CHANGED, ERASED = (f"crossborder.user.{what}.v1" for what in ("registered", "changed", "erased"))
pytestmark = pytest.mark.django_db(transaction=True)


def story(user: UUID) -> list[tuple[str, dict]]:
    """A user's life but for its end."""
    return [
        (REGISTERED, {"id": str(user), "version": 1, "status": "active", "tokens_valid_after": None}),
        (CHANGED, {"id": str(user), "version": 2, "status": "disabled"}),
        (
            CHANGED,
            {"id": str(user), "version": 3, "status": "active", "tokens_valid_after": "2030-01-01T00:00:00.5Z"},
        ),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_the_newest_snapshot_wins_in_any_order_and_twice(order):
    user = uuid4()
    for number in [*order, *order]:
        type, data = story(user)[number]
        deliver(type, data, key=user)
    known = KnownUser.objects.get()
    assert (known.version, known.status, known.tokens_valid_after.isoformat()) == (
        3,
        "active",
        "2030-01-01T00:00:00.500000+00:00",
    )


@pytest.mark.parametrize("position", range(4))
def test_an_erased_user_stays_erased_whatever_comes_late(position):
    user = uuid4()
    events = story(user)
    events.insert(position, (ERASED, {"id": str(user)}))
    for type, data in events:
        deliver(type, data, key=user)
    assert KnownUser.objects.get().status == "erased"


def test_an_event_locks_out_at_once():
    user = uuid4()
    install_key()
    token = access_token(user)
    verify(token)
    deliver(CHANGED, {"id": str(user), "version": 7, "status": "disabled"}, key=user)
    with pytest.raises(InvalidToken, match="closed"):
        verify(token)


def test_one_event_delivered_twice_is_handled_once():
    user, id = uuid4(), uuid4()
    type, data = story(user)[0]
    assert deliver(type, data, key=user, id=id) is True
    assert deliver(type, data, key=user, id=id) is False
