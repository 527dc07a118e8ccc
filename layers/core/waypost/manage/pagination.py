"""Lists, newest first, page by page: what a filter keeps of a source, and the cursor of the next page (docs/api.md#lists)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Generic, TypeVar

from waypost.domain.values.cursors import bad_cursor, cursor_of, position_in
from waypost.manage.requests import ListQuery
from waypost.manage.time_limit import HasTime, unlimited
from waypost.ports import ManagedWorkspaces

T = TypeVar("T")
Source = Callable[[int, str | None], tuple[Sequence[T], str | None]]
"""Reads at most this many items before this position (None: from the newest on), newest first.

Returns the items and the position after them, None if no older ones exist. Positions are texts that sort like the list.
"""

READS_PER_PAGE: Final = 10
DAYS_PER_READ: Final = 14


@dataclass(frozen=True, slots=True)
class ListPage(Generic[T]):
    """One page of a list and the cursor of the next one (None: this is the last).

    A page may hold fewer items than its limit, even none, and still have a next one.
    """

    items: tuple[T, ...]
    next: str | None


def read_page(
    source: Source[T],
    position_of: Callable[[T], str],
    workspace: str,
    query: ListQuery,
    keep: Callable[[T], bool] = lambda _: True,
    has_time: HasTime = unlimited,
    owner: Mapping[str, str] | None = None,
) -> ListPage[T]:
    """The page that a query asks for, of those items that `keep` accepts. RefusedError 400 for a cursor of another list.

    `owner` is what the list belongs to beside the workspace, such as the journey in the path. Its cursors are bound to it.

    The source is read a bounded number of times, and not again after the time of the request. A filter that matches rarely would otherwise
    read a whole table in one request; the cursor of a short page continues where the reading stopped.
    """
    filter_key = {**query.filter_key(), **(owner or {})}
    position = position_in(query.cursor, workspace, filter_key) if query.cursor is not None else None
    kept: list[T] = []
    for _ in range(READS_PER_PAGE):
        found, position = source(query.limit + 1, position)  # one more than the page holds shows whether there is a next one
        kept += [each for each in found if keep(each)]
        if len(kept) > query.limit:
            position = position_of(kept[query.limit - 1])
        if len(kept) > query.limit or position is None or not has_time():
            break
    return ListPage(tuple(kept[: query.limit]), cursor_of(position, workspace, filter_key) if position is not None else None)


def in_memory_source(items: Iterable[T], position_of: Callable[[T], str]) -> Source[T]:
    """A source of items that are in memory, in any order."""
    newest_first = sorted(items, key=position_of, reverse=True)

    def source(limit: int, before: str | None) -> tuple[Sequence[T], str | None]:
        found = [each for each in newest_first if before is None or position_of(each) < before]
        return found[:limit], position_of(found[limit - 1]) if len(found) > limit else None

    return source


def merged_source(sources: Sequence[Source[T]], position_of: Callable[[T], str]) -> Source[T]:
    """One source of the items of several, of which no two share an item."""

    def source(limit: int, before: str | None) -> tuple[Sequence[T], str | None]:
        reads = [read(limit, before) for read in sources]
        # A source that stopped early may still have items below the position where it stopped, so nothing older than the newest of these
        # positions may be listed yet: an item of another source would otherwise hide them.
        known_from = max((position for _, position in reads if position is not None), default=None)
        found = sorted((each for items, _ in reads for each in items), key=position_of, reverse=True)
        complete = [each for each in found if known_from is None or position_of(each) >= known_from]
        return complete[:limit], position_of(complete[limit - 1]) if len(complete) > limit else known_from

    return source


def source_from(source: Source[T], position_of: Callable[[T], str], oldest: str) -> Source[T]:
    """The items of a source at the position `oldest` or later. The read that passes this position is the last one."""

    def read(limit: int, before: str | None) -> tuple[Sequence[T], str | None]:
        found, position = source(limit, before)
        later = [each for each in found if position_of(each) >= oldest]
        return later, position if position is not None and position > oldest else None

    return read


def source_by_day(
    read: Callable[[date, int, str | None], tuple[Sequence[T], str | None]], position_of: Callable[[T], str], first: date, last: date
) -> Source[T]:
    """A source of items that are stored by day (UTC), from the last day back to the first. Positions begin with the day.

    `read` returns at most so many items of one day before a position, and the position after them, None if the day has no older ones.
    One read of the source visits a bounded number of days.
    """

    def source(limit: int, before: str | None) -> tuple[Sequence[T], str | None]:
        day = min(last, _day_of(before)) if before else last
        found: list[T] = []
        for _ in range(DAYS_PER_READ):
            if day < first:
                return found, None
            of_day, position = read(day, limit - len(found), before)
            found += of_day
            if position is not None or len(found) >= limit:
                return found, position if position is not None else position_of(found[-1])
            day -= timedelta(days=1)
        return found, _end_of(day)

    return source


def first_day(workspaces: ManagedWorkspaces, workspace: str) -> date:
    """The first day on which the workspace can have anything, so that lists by day have an end.

    It is the day before the creation: the clock of the machine that created the workspace may be ahead of the clock of this one.
    """
    return workspaces.created_at(workspace).date() - timedelta(days=1)


def _day_of(position: str) -> date:
    """The day with which a position begins. RefusedError 400 if there is none: the position is that of a forged cursor."""
    try:
        return date.fromisoformat(position[:10])
    except ValueError:
        raise bad_cursor() from None


def _end_of(day: date) -> str:
    """A position after all positions of a day: `~` sorts after the `T` of a time."""
    return f"{day.isoformat()}~"
