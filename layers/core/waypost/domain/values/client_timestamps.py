"""Timestamps as clients write them: ISO 8601, epoch seconds or milliseconds, and the format of Gson in the Android SDK."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from waypost.domain.values.calendar_edges import in_utc, shifted

_MILLISECONDS_FROM: Final = 100_000_000_000
"""Smaller numbers are seconds. As seconds this is the year 5138, as milliseconds it is March 1973: no real event is misread."""

_GSON: Final = re.compile(r"([A-Z][a-z]{2}) (\d{1,2}), (\d{4}),? (\d{1,2}):(\d\d):(\d\d)[\s\u202f]?([AP]M)")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FUTURE_TOLERANCE: Final = timedelta(minutes=5)
"""How far after its receipt an event may have happened, by the client's clock."""


@dataclass(frozen=True, slots=True)
class ParsedTimestamp:
    """An instant in UTC, and whether the client wrote a time zone or an offset. Epoch times count as written with one."""

    at: datetime
    has_zone: bool


def parse(value: Any) -> ParsedTimestamp | None:
    """The instant that a client's JSON value means; None for a value in no known format. It raises nothing."""
    try:
        if isinstance(value, str):
            return _gson(value.strip()) or _iso(value.strip())
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return _epoch(Decimal(value))
    except (ValueError, OverflowError, ArithmeticError):
        return None
    return None


def _iso(text: str) -> ParsedTimestamp | None:
    if re.fullmatch(r"\d{9,14}(\.\d+)?", text):
        return _epoch(Decimal(text))
    parsed = datetime.fromisoformat(text.replace("z", "Z"))
    if parsed.tzinfo is None:
        return ParsedTimestamp(parsed.replace(tzinfo=UTC), has_zone=False)
    at = in_utc(parsed)
    return None if at is None else ParsedTimestamp(at, has_zone=True)


def _gson(text: str) -> ParsedTimestamp | None:
    """A text such as `Nov 23, 2026, 5:17:13 AM`: Gson prints a Java Date in the device's local time, without its zone.

    Newer runtimes put U+202F in front of AM and PM, older ones leave out the second comma.
    """
    match = _GSON.fullmatch(text)
    if match is None:
        return None
    month, day, year, hour, minute, second, half = match.groups()
    hour_of_day = int(hour) % 12 + (12 if half == "PM" else 0)
    at = datetime(int(year), _MONTHS.index(month) + 1, int(day), hour_of_day, int(minute), int(second), tzinfo=UTC)
    return ParsedTimestamp(at, has_zone=False)


def _epoch(number: Decimal) -> ParsedTimestamp | None:
    if not number.is_finite() or number.adjusted() > 20:
        return None
    milliseconds = number if abs(number) >= _MILLISECONDS_FROM else number * 1000
    return ParsedTimestamp(_EPOCH + timedelta(milliseconds=int(milliseconds)), has_zone=True)


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

    `timestamp` and `sent_at` are JSON values as the client wrote them; `received_at` is our own time of receipt.
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
