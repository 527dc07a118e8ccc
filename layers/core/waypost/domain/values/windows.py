"""Spans of local time, overnight and across changes of the clocks as well. All instants are UTC; zones are IANA names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field

from waypost.domain.values.comparison import zone_of

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final[tuple[Weekday, ...]] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
CLOCK_PATTERN: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
ClockTime = Annotated[str, Field(pattern=CLOCK_PATTERN, description="Local time, `HH:MM`.", examples=["22:00"])]


class Hours(NamedTuple):
    """Local hours from one clock time to another, on the next day where the second is not later, that begin on these days."""

    start: str
    end: str
    days: Collection[str] = WEEKDAYS

    def opening(self, now: datetime, zone: str) -> datetime:
        """`now` while they are open, else when they open next."""
        return now if self.closing(now, zone) else min(start for start, _ in self._spans(now, zone) if start > now)

    def closing(self, now: datetime, zone: str) -> datetime | None:
        """When they close, while they are open."""
        return max((end for start, end in self._spans(now, zone) if start <= now < end), default=None)

    def _spans(self, now: datetime, zone: str) -> Iterator[tuple[datetime, datetime]]:
        """The spans that may be open now, and all that begin within the week to come."""
        place = zone_of(zone)
        today = now.astimezone(place).date()
        for offset in range(-1, 9):
            day = today + timedelta(days=offset)
            if WEEKDAYS[day.weekday()] in self.days:
                last = day + timedelta(days=self.end <= self.start)
                yield _moments(day, self.start, place)[0], _moments(last, self.end, place)[1]


def zone_for(attributes: Mapping[str, Any], workspace_zone: str) -> str:
    """The zone in which a customer lives: the attribute `timezone` where it names one, else the workspace's."""
    named = attributes.get("timezone")
    return named if isinstance(named, str) and zone_of(named) is not UTC else workspace_zone


def _moments(day: date, clock: str, place: tzinfo) -> tuple[datetime, datetime]:
    """The first and the last moment at which clocks show this time; where they skip it, it moves on by the hour that is missing."""
    local = datetime.combine(day, time.fromisoformat(clock), place)
    earlier, later = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    return (earlier, later) if earlier <= later else (earlier, earlier)
