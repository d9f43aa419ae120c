"""Keyset pages: everything once, whatever is inserted in between."""

from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
from conftest import THINGS
from project.models import Thing

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def make(*minutes: int) -> list[int]:
    """Things made so many minutes after noon."""
    return [Thing.objects.create(name=str(m % 3), made_at=NOON + timedelta(minutes=m)).id for m in minutes]


def walk(api, limit: int, order: str = "-made_at,-id", between=lambda: None) -> list[list[int]]:
    pages, cursor = [], ""
    while cursor is not None:
        url = f"{THINGS}?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        body = api.get(url, headers={"Order": order}).json()
        pages.append(body["data"])
        cursor = body["next_cursor"]
        assert body["has_more"] == (cursor is not None)
        between()
    return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 100])
@pytest.mark.parametrize("order", ["-made_at,-id", "made_at,id", "name,-made_at,id", "-number,id"])
def test_every_row_once_and_in_order_with_ties(api, limit, order):
    make(3, 1, 1, 1, 2, 3)
    pages = walk(api, limit, order)
    assert list(chain(*pages)) == list(Thing.objects.order_by(*order.split(",")).values_list("id", flat=True))
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)


def test_rows_inserted_between_pages_repeat_nothing_and_hide_nothing(api):
    there = make(1, 2, 3, 4, 5, 6)
    seen = list(chain(*walk(api, 2, between=lambda: Thing.objects.count() < 12 and make(2, 9))))
    assert len(seen) == len(set(seen))
    assert set(there) <= set(seen)


def test_a_row_deleted_between_pages_hides_no_other(api):
    there = make(1, 2, 3, 4, 5, 6)
    seen = list(chain(*walk(api, 2, between=lambda: Thing.objects.filter(id=there[4]).delete())))
    assert seen == there[::-1]


def test_a_page_costs_one_statement(api, statements):
    make(*range(10))
    cursor = api.get(f"{THINGS}?limit=5").json()["next_cursor"]
    with statements() as run:
        api.get(f"{THINGS}?limit=5&cursor={cursor}")
    assert len(run) == 1


def test_nothing_is_a_page_too(api):
    assert api.get(THINGS).json() == {"data": [], "next_cursor": None, "has_more": False}


@pytest.mark.parametrize("spoil", [lambda c: c[:-1] + "x", lambda c: "A" + c, lambda c: "%00", lambda c: "a:b:c"])
def test_a_tampered_cursor_is_a_400(api, spoil):
    make(1, 2, 3)
    cursor = api.get(f"{THINGS}?limit=1").json()["next_cursor"]
    answer = api.get(f"{THINGS}?limit=1&cursor={spoil(cursor)}")
    assert answer.status_code == 400
    assert answer.json()["code"] in {"invalid_cursor", "invalid"}


def test_a_cursor_of_another_order_is_a_400(api):
    make(1, 2, 3)
    cursor = api.get(f"{THINGS}?limit=1").json()["next_cursor"]
    answer = api.get(f"{THINGS}?limit=1&cursor={cursor}", headers={"Order": "made_at,id"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("limit", ["0", "101", "x", "-1"])
def test_the_limit_is_bounded(api, limit):
    assert api.get(f"{THINGS}?limit={limit}").status_code == 400
