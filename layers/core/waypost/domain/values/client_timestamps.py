"""Times as clients write them: ISO 8601, epoch seconds or milliseconds, and the format of Gson in the Android SDK.

The one reader of times of events, of attributes that the schema declares, and of properties in conditions and templates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final

from waypost.domain.values.calendar_edges import EPOCH, in_utc, nearest_in_utc, shifted

_MILLISECONDS_FROM: Final = 100_000_000_000
"""Smaller numbers are seconds. As seconds this is the year 5138, as milliseconds it is March 1973: no real event is misread."""

_GSON: Final = re.compile(r"([A-Z][a-z]{2}) (\d{1,2}), (\d{4}),? (\d{1,2}):(\d\d):(\d\d)[\s\u202f]?([AP]M)")
_EXTENDED: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,9}))?[ ]?(?:(Z|[+-]\d\d):?(\d\d)?)?)?", re.ASCII)
"""The extended format of ISO 8601, with the liberties that programs take and that `datetime.fromisoformat` does not."""
_END_OF_DAY: Final = re.compile(r"(?<=[0-9])([Tt ])24(?=(?::?00){0,2}(?:[.,]0+)?(?![0-9:.,]))", re.ASCII)
_LEAP_SECOND: Final = re.compile(r"(?<=[0-9])([Tt ][0-9]{2}(:?)[0-9]{2}\2)60", re.ASCII)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FUTURE_TOLERANCE: Final = timedelta(minutes=5)
"""How far after its receipt an event may have happened, by the client's clock."""


@dataclass(frozen=True, slots=True)
class ParsedTimestamp:
    """An instant in UTC, and whether the client wrote a time zone or an offset. Epoch times count as written with one."""

    at: datetime
    has_zone: bool


def parse(value: Any, zone: tzinfo = UTC) -> ParsedTimestamp | None:
    """The instant that a client's JSON value means; None for a value in no known format. It raises nothing.

    A time without a zone is local time in `zone`.
    """
    time = written_time(value)
    if time is None:
        return None
    if time.tzinfo is None:
        return ParsedTimestamp(nearest_in_utc(time.replace(tzinfo=zone)), has_zone=False)
    at = in_utc(time)
    return None if at is None else ParsedTimestamp(at, has_zone=True)


def written_time(value: Any) -> datetime | None:
    """The time that a client's JSON value means, as it is written: with its own offset, or without a zone. Epoch times are in UTC."""
    try:
        if isinstance(value, str):
            return _gson(value.strip()) or _iso(value.strip())
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return _epoch(Decimal(value))
    except (ValueError, OverflowError, ArithmeticError):
        return None
    return None


def _iso(text: str) -> datetime | None:
    if re.fullmatch(r"\d{9,14}(\.\d+)?", text):
        return _epoch(Decimal(text))
    text, later = _on_the_clock(text.replace("z", "Z").replace(" Z", "Z"))
    match = _EXTENDED.fullmatch(text)
    if match is None:
        return datetime.fromisoformat(text) + later
    day, clock, seconds, fraction, offset, minutes = match.groups()
    zone = f"{offset}:{minutes or '00'}" if minutes or len(offset or "") == 3 else offset or ""
    return datetime.fromisoformat(f"{day}T{clock or '00:00'}{seconds or ':00'}.{(fraction or '0')[:6].ljust(6, '0')}{zone}") + later


def _on_the_clock(text: str) -> tuple[str, timedelta]:
    """A time that Python's clock does not have, as an earlier one that it has, and what to add to that.

    `T24:00:00` is the end of a day (ISO 8601). A leap second, `23:59:60`, is read as the second after it, as POSIX does.
    """
    if _END_OF_DAY.search(text):
        return _END_OF_DAY.sub(r"\g<1>00", text), timedelta(days=1)
    leap = _LEAP_SECOND.search(text)
    return (text, timedelta(0)) if leap is None else (_LEAP_SECOND.sub(r"\g<1>59", text), timedelta(seconds=1))


def _gson(text: str) -> datetime | None:
    """A text such as `Nov 23, 2026, 5:17:13 AM`: Gson prints a Java Date in the device's local time, without its zone.

    Newer runtimes put U+202F before AM and PM, older ones leave out the second comma.
    """
    match = _GSON.fullmatch(text)
    if match is None:
        return None
    month, day, year, hour, minute, second, half = match.groups()
    hour_of_day = int(hour) % 12 + (12 if half == "PM" else 0)
    return datetime(int(year), _MONTHS.index(month) + 1, int(day), hour_of_day, int(minute), int(second))  # noqa: DTZ001 - as it is written


def _epoch(number: Decimal) -> datetime | None:
    if not number.is_finite() or number.adjusted() > 20:
        return None
    milliseconds = number if abs(number) >= _MILLISECONDS_FROM else number * 1000
    return EPOCH + timedelta(milliseconds=int(milliseconds))


@dataclass(frozen=True, slots=True)
class EventTime:
    """When an event happened, and the code of a warning, if there is one.

    `has_server_time`: the time depends on the time of receipt, so the same event gets another time if it is sent again.
    """

    at: datetime
    warning: str | None = None
    has_server_time: bool = False


def event_time(timestamp: Any, sent_at: Any, received_at: datetime) -> EventTime:
    """The time of an event (`docs/events.md#time`): its timestamp, with the error of the client's clock taken out where that is known.

    `timestamp` and `sent_at` are JSON values as the client wrote them; `received_at` is the time of receipt by the clock of Waypost.
    """
    if timestamp is None:
        return EventTime(received_at, has_server_time=True)
    parsed = parse(timestamp)
    if parsed is None:
        return EventTime(received_at, "bad-timestamp", has_server_time=True)
    sent = parse(sent_at)
    at = parsed.at
    # The distance between timestamp and sentAt is right even where the client's clock or zone is wrong. It is used only where one
    # of them must be wrong (no zone, or sent after its receipt): otherwise a slow network would move the time of a good clock.
    corrected = sent is not None and (not parsed.has_zone or sent.at > received_at)
    if sent is not None and corrected:
        at = shifted(received_at, at - sent.at)
    if at > shifted(received_at, FUTURE_TOLERANCE):
        return EventTime(received_at, "future-timestamp", has_server_time=True)
    return EventTime(at, has_server_time=corrected)
