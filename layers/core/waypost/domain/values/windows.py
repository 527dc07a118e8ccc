"""Recurring hours of local time, such as quiet hours. All instants are UTC; zones are IANA names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time, tzinfo
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field

from waypost.domain.values.calendar_edges import LAST, day_shifted, in_zone, nearest_in_utc
from waypost.domain.values.zones import iana_name, zone_of

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final[tuple[Weekday, ...]] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
CLOCK_PATTERN: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
ClockTime = Annotated[str, Field(pattern=CLOCK_PATTERN, description="Local time, `HH:MM`.", examples=["22:00"])]


class Hours(NamedTuple):
    """Hours of local time that open at `start` (`HH:MM`) on these weekdays and close at `end`.

    Where `end` is not later than `start`, they close on the next day, which need not be one of `days`.
    """

    start: str
    end: str
    days: Collection[str] = WEEKDAYS

    def opening(self, now: datetime, zone: str) -> datetime:
        """`now` if they are open, otherwise the next instant at which they open."""
        return now if self.closing(now, zone) else min((start for start, _ in self._spans(now, zone) if start > now), default=LAST)

    def closing(self, now: datetime, zone: str) -> datetime | None:
        """The instant at which they close if they are open now, otherwise None."""
        return max((end for start, end in self._spans(now, zone) if start <= now < end), default=None)

    def _spans(self, now: datetime, zone: str) -> Iterator[tuple[datetime, datetime]]:
        """The spans, from opening to closing, that may contain `now`, and all that begin within a week from now."""
        time_zone = zone_of(zone)
        today = in_zone(now, time_zone).date()
        # Yesterday's span may last until today. Hours of one weekday that have closed today open again in seven days.
        for offset in range(-1, 9):
            day = day_shifted(today, offset)
            if WEEKDAYS[day.weekday()] in self.days:
                closing_day = day_shifted(day, int(self.end <= self.start))
                yield _instants(day, self.start, time_zone)[0], _instants(closing_day, self.end, time_zone)[1]


def zone_for(attributes: Mapping[str, Any], workspace_zone: str) -> str:
    """The time zone of a customer: its attribute `timezone` if that is the name of one, otherwise the workspace's."""
    return iana_name(attributes.get("timezone")) or workspace_zone


def _instants(day: date, clock: str, time_zone: tzinfo) -> tuple[datetime, datetime]:
    """The first and the last instant at which clocks show this local time.

    They differ in the hour that is repeated when clocks go back; hours open at the first and close at the last. Clocks that go forward
    skip a time: then `fold=1` gives the earlier instant of the two, and the time moves on by the missing hour.
    """
    local = datetime.combine(day, time.fromisoformat(clock), time_zone)
    first, last = nearest_in_utc(local), nearest_in_utc(local.replace(fold=1))
    return (first, last) if first <= last else (first, first)
