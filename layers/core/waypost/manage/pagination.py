"""Lists, newest first, in parts: what is kept of a source, and the cursor of what lies behind (contract 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Generic, TypeVar

from waypost.domain.values.cursors import cursor_of, position_in
from waypost.manage.requests import ListQuery

T = TypeVar("T")
Source = Callable[[int, str | None], tuple[Sequence[T], str | None]]
"""At most so many at positions before this one, newest first, and the position to go on from (None: that was all)."""

ROUNDS: Final = 10
DAYS_A_ROUND: Final = 14


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """A part of a list and the cursor of the next one. It may hold less than was asked for, even nothing, and still have a next."""

    items: tuple[T, ...]
    next: str | None


def part(
    source: Source[T], at: Callable[[T], str], workspace: str, query: ListQuery, keep: Callable[[T], bool] = lambda _: True
) -> Part[T]:
    """The part that a query asks for, of what is kept. However little is kept, it ends in time: the cursor goes on from there."""
    filter_key = query.filter_key()
    position = position_in(query.cursor, workspace, filter_key) if query.cursor is not None else None
    kept: list[T] = []
    for _ in range(ROUNDS):
        found, position = source(query.limit + 1, position)
        kept += [each for each in found if keep(each)]
        if len(kept) > query.limit:
            position = at(kept[query.limit - 1])
        if len(kept) > query.limit or position is None:
            break
    return Part(tuple(kept[: query.limit]), cursor_of(position, workspace, filter_key) if position is not None else None)


def in_memory_source(items: Iterable[T], at: Callable[[T], str]) -> Source[T]:
    """A source of what is in memory already, in any order."""
    newest = sorted(items, key=at, reverse=True)

    def source(limit: int, before: str | None) -> tuple[Sequence[T], str | None]:
        found = [each for each in newest if before is None or at(each) < before]
        return found[:limit], at(found[limit - 1]) if len(found) > limit else None

    return source


def by_day(read: Callable[[date, int, str | None], Sequence[T]], at: Callable[[T], str], first: date, last: date) -> Source[T]:
    """A source over what is kept by day (UTC), from the last day back to the first. Positions begin with their day."""

    def source(limit: int, before: str | None) -> tuple[Sequence[T], str | None]:
        day = min(last, date.fromisoformat(before[:10])) if before else last
        found: list[T] = []
        for _ in range(DAYS_A_ROUND):
            if day < first:
                return found, None
            found += read(day, limit - len(found), before)
            if len(found) >= limit:
                return found, at(found[-1])
            day -= timedelta(days=1)
        return found, _end_of(day)

    return source


def _end_of(day: date) -> str:
    """A position behind all of a day's."""
    return f"{day.isoformat()}~"
