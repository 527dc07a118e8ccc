"""Arithmetic with instants that holds at the ends of the calendar, the years 1 and 9999, where Python's own operators raise errors.

Clients send any time that ISO 8601 can write. A time that cannot be computed must be the refusal of one value, or the end of the calendar,
and never an OverflowError, which would cost the whole request. No other module converts or shifts an instant that a client has sent.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

FIRST: Final = datetime.min.replace(tzinfo=UTC)
LAST: Final = datetime.max.replace(tzinfo=UTC)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The instant from which milliseconds are counted where a time is a number."""


def in_utc(time: datetime) -> datetime | None:
    """A time with a zone as an instant in UTC; None if that is before the year 1 or after the year 9999."""
    try:
        return time.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def nearest_in_utc(time: datetime) -> datetime:
    """A time with a zone as an instant in UTC, which the ends of the calendar bound."""
    return in_utc(time) or (FIRST if time.year == FIRST.year else LAST)


def in_zone(instant: datetime, zone: tzinfo) -> datetime:
    """The local time of an instant (UTC). Where the zone's calendar has no such day, the local time shows what UTC does."""
    try:
        return instant.astimezone(zone)
    except (OverflowError, ValueError):
        return instant.replace(tzinfo=zone)


def shifted(instant: datetime, by: timedelta) -> datetime:
    """An instant moved by a duration of either sign; the ends of the calendar bound the result, which keeps the zone."""
    try:
        return instant + by
    except OverflowError:
        return (FIRST if by < timedelta(0) else LAST).replace(tzinfo=instant.tzinfo)


def day_shifted(day: date, days: int) -> date:
    """A day moved by a number of days of either sign; the ends of the calendar bound the result."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.min if days < 0 else date.max
