"""Pages of lists: complete together, whatever a filter removes and however the days are filled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.workspaces import FakeWorkspaces
from waypost.domain.errors import RefusedError
from waypost.domain.values.wire_time import iso
from waypost.manage.pagination import (
    DAYS_PER_READ,
    READS_PER_PAGE,
    Source,
    first_day,
    in_memory_source,
    merged_source,
    read_page,
    source_by_day,
)
from waypost.manage.requests import KeyQuery, ListQuery

TODAY = date(2026, 11, 23)


def same(text: str) -> str:
    """The position of an item: the item itself."""
    return text


def all_pages(source: Source[str], limit: int, keep: str = "") -> list[list[str]]:
    """The items of each page of a list, one page after another."""
    pages, cursor = [], None
    while True:
        found = read_page(source, same, "w1", KeyQuery(limit=limit, cursor=cursor), lambda item: keep in item)
        pages.append(list(found.items))
        cursor = found.next
        if cursor is None:
            return pages


def days(items: Sequence[str], first: date = TODAY, most: int = 1_000) -> Source[str]:
    """A source of items by the day with which they begin, of which one read returns at most so many."""

    def read(day: date, limit: int, before: str | None) -> tuple[list[str], str | None]:
        own = [item for item in sorted(items, reverse=True) if item.startswith(day.isoformat()) and (before is None or item < before)]
        found = own[: min(limit, most)]
        return found, found[-1] if len(own) > len(found) else None

    return source_by_day(read, same, first, TODAY)


def at(days_ago: int, name: str = "") -> str:
    """An item of a day."""
    return f"{TODAY - timedelta(days=days_ago)}T05:00{name}"


def stops_early(items: Sequence[str], most: int) -> Source[str]:
    """A source that reads at most `most` items at once and then names its position although it may have read to its end."""
    whole = in_memory_source(items, same)

    def source(limit: int, before: str | None) -> tuple[Sequence[str], str | None]:
        found, position = whole(min(limit, most), before)
        return found, position or (found[-1] if found else None)

    return source


@given(st.lists(st.sets(st.text("abc", min_size=1, max_size=4)), min_size=1, max_size=4), st.integers(1, 7), st.integers(1, 3))
def test_the_pages_of_several_sources_make_the_whole_list(parts: list[set[str]], limit: int, most: int) -> None:
    """The pages hold every item of every source once, newest first, also where a source reads fewer items than it is asked for."""
    own = [{item + str(number) for item in each} for number, each in enumerate(parts)]
    pages = all_pages(merged_source([stops_early(sorted(each), most) for each in own], same), limit)
    assert [item for each in pages for item in each] == sorted({item for each in own for item in each}, reverse=True)


@given(st.sets(st.text("abc", min_size=1, max_size=4)), st.integers(1, 7))
def test_pages_make_the_whole_list(items: set[str], limit: int) -> None:
    """The pages hold every item once, newest first. Every page but the last is full, and the last one is not empty."""
    pages = all_pages(in_memory_source(items, same), limit)
    assert [item for each in pages for item in each] == sorted(items, reverse=True)
    assert all(len(each) == limit for each in pages[:-1])
    assert pages[-1] or not items


@given(st.sets(st.tuples(st.integers(0, 40), st.sampled_from("abcdef"))), st.integers(1, 7), st.integers(1, 7))
def test_pages_by_day_make_the_whole_list(items: set[tuple[int, str]], limit: int, most: int) -> None:
    """The pages hold every item of every day once, although days are empty, fill several pages, or return less than requested."""
    texts = [at(ago, name) for ago, name in items]
    pages = all_pages(days(texts, TODAY - timedelta(days=40), most), limit)
    assert [item for each in pages for item in each] == sorted(texts, reverse=True)
    assert pages[-1] or not texts


def test_a_filter_leaves_no_gaps() -> None:
    """A page is filled from older items if a filter removes most of the newer ones."""
    items = [f"{number:03}{'x' if number % 10 == 0 else ''}" for number in range(50)]
    assert all_pages(in_memory_source(items, same), 2, keep="x") == [["040x", "030x"], ["020x", "010x"], ["000x"]]


def test_many_empty_days_end_a_page() -> None:
    """A request reads a bounded number of days. Its page is short, and the cursor continues with older days."""
    old = at(DAYS_PER_READ * READS_PER_PAGE + 3)
    pages = all_pages(days([old], TODAY - timedelta(days=400)), 5)
    assert len(pages) == 3
    assert [item for each in pages for item in each] == [old]


def test_no_day_before_the_first_is_read() -> None:
    """A list by day ends at its first day, so that a new workspace costs the read of one day."""
    assert all_pages(days([at(1)], TODAY), 5) == [[]]


def test_the_first_day_is_the_day_before_the_creation_of_the_workspace() -> None:
    """The clock of the machine that created the workspace may be ahead, so one more day is read."""
    workspaces = FakeWorkspaces()
    workspaces.add("w1", "Acme", iso(datetime(2026, 11, 23, 0, 5, tzinfo=UTC)))
    assert first_day(workspaces, "w1") == date(2026, 11, 22)


def test_a_cursor_is_bound_to_its_workspace_and_its_list() -> None:
    """A cursor is refused in another workspace and in another list."""
    source = in_memory_source(["a", "b"], same)
    cursor = read_page(source, same, "w1", KeyQuery(limit=1)).next
    with pytest.raises(RefusedError, match="not belong to this list"):
        read_page(source, same, "w2", KeyQuery(limit=1, cursor=cursor))
    with pytest.raises(RefusedError, match="not belong to this list"):
        read_page(source, same, "w1", ListQuery(limit=1, cursor=cursor))


def test_the_limit_may_change_from_page_to_page() -> None:
    """A cursor is not bound to the limit of the request that returned it."""
    source = in_memory_source(["a", "b", "c"], same)
    cursor = read_page(source, same, "w1", KeyQuery(limit=1)).next
    assert read_page(source, same, "w1", KeyQuery(limit=200, cursor=cursor)).items == ("b", "a")
