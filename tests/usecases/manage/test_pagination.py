"""Lists: parts that fit together, whatever is filtered out and however the days are filled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.errors import RefusedError
from waypost.manage.pagination import DAYS_A_ROUND, ROUNDS, Source, by_day, in_memory_source, part
from waypost.manage.requests import KeyQuery, ListQuery

TODAY = date(2026, 11, 23)


def same(text: str) -> str:
    """These items are their own positions."""
    return text


def timed_step(source: Source[str], limit: int, keep: str = "") -> list[list[str]]:
    """All parts of a list, one after another."""
    parts, cursor = [], None
    while True:
        found = part(source, same, "w1", KeyQuery(limit=limit, cursor=cursor), lambda item: keep in item)
        parts.append(list(found.items))
        cursor = found.next
        if cursor is None:
            return parts


def days(items: Sequence[str], first: date = TODAY) -> Source[str]:
    """A source that finds items by the day with which they begin."""

    def read(day: date, limit: int, before: str | None) -> list[str]:
        own = [item for item in sorted(items, reverse=True) if item.startswith(day.isoformat()) and (before is None or item < before)]
        return own[:limit]

    return by_day(read, same, first, TODAY)


def at(days_ago: int, name: str = "") -> str:
    """An item of a day."""
    return f"{TODAY - timedelta(days=days_ago)}T05:00{name}"


@given(st.sets(st.text("abc", min_size=1, max_size=4)), st.integers(1, 7))
def test_parts_make_the_whole(items: set[str], limit: int) -> None:
    """Nothing twice, nothing lost, newest first, and no empty part at the end."""
    parts = timed_step(in_memory_source(items, same), limit)
    assert [item for each in parts for item in each] == sorted(items, reverse=True)
    assert all(len(each) == limit for each in parts[:-1])
    assert parts[-1] or not items


@given(st.sets(st.tuples(st.integers(0, 40), st.sampled_from("abcdef"))), st.integers(1, 7))
def test_parts_by_day_make_the_whole(items: set[tuple[int, str]], limit: int) -> None:
    """Empty days and full days between the first and the last alike."""
    texts = [at(ago, name) for ago, name in items]
    parts = timed_step(days(texts, TODAY - timedelta(days=40)), limit)
    assert [item for each in parts for item in each] == sorted(texts, reverse=True)
    assert parts[-1] or not texts


def test_what_is_filtered_out_leaves_no_gaps() -> None:
    """A part is filled from further back when a filter takes most of it away."""
    items = [f"{number:03}{'x' if number % 10 == 0 else ''}" for number in range(50)]
    assert timed_step(in_memory_source(items, same), 2, keep="x") == [["040x", "030x"], ["020x", "010x"], ["000x"]]


def test_a_quiet_year_ends_the_request_in_time() -> None:
    """After so many empty days the part is short and its cursor goes on, so no request takes for ever."""
    old = at(DAYS_A_ROUND * ROUNDS + 3)
    parts = timed_step(days([old], TODAY - timedelta(days=400)), 5)
    assert len(parts) == 3
    assert [item for each in parts for item in each] == [old]


def test_nothing_older_than_the_first_day_is_looked_for() -> None:
    """A young workspace costs one day's look."""
    assert timed_step(days([at(1)], TODAY), 5) == [[]]


def test_a_cursor_belongs_to_its_workspace() -> None:
    """Taken elsewhere it is refused."""
    source = in_memory_source(["a", "b"], same)
    cursor = part(source, same, "w1", KeyQuery(limit=1)).next
    with pytest.raises(RefusedError, match="another list"):
        part(source, same, "w2", KeyQuery(limit=1, cursor=cursor))
    with pytest.raises(RefusedError, match="another list"):
        part(source, same, "w1", ListQuery(limit=1, cursor=cursor))


def test_another_limit_is_the_same_query() -> None:
    """A reader may ask for a longer next part."""
    source = in_memory_source(["a", "b", "c"], same)
    cursor = part(source, same, "w1", KeyQuery(limit=1)).next
    assert part(source, same, "w1", KeyQuery(limit=200, cursor=cursor)).items == ("b", "a")
