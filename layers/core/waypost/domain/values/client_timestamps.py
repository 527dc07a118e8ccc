"""Times as callers write them, read tolerantly: ISO 8601, epoch seconds or milliseconds, and what the Android SDK's Gson prints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

_MILLISECONDS_FROM: Final = 100_000_000_000
_GSON: Final = re.compile(r"([A-Z][a-z]{2}) (\d{1,2}), (\d{4}),? (\d{1,2}):(\d\d):(\d\d)[\s\u202f]?([AP]M)")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FUTURE_TOLERANCE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Reading:
    """An instant in UTC, and whether the caller wrote a zone."""

    at: datetime
    zoned: bool


def read(value: Any) -> Reading | None:
    """The instant that a caller's value means, or None where it means none."""
    try:
        if isinstance(value, str):
            return _gson(value.strip()) or _iso(value.strip())
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return _epoch(Decimal(value))
    except (ValueError, OverflowError, ArithmeticError):
        return None
    return None


def _iso(text: str) -> Reading | None:
    if re.fullmatch(r"\d{9,14}(\.\d+)?", text):
        return _epoch(Decimal(text))
    parsed = datetime.fromisoformat(text.replace("z", "Z"))
    if parsed.tzinfo is None:
        return Reading(parsed.replace(tzinfo=UTC), zoned=False)
    return Reading(parsed.astimezone(UTC), zoned=True)


def _gson(text: str) -> Reading | None:
    match = _GSON.fullmatch(text)
    if match is None:
        return None
    month, day, year, hour, minute, second, half = match.groups()
    hour_of_day = int(hour) % 12 + (12 if half == "PM" else 0)
    at = datetime(int(year), _MONTHS.index(month) + 1, int(day), hour_of_day, int(minute), int(second), tzinfo=UTC)
    return Reading(at, zoned=False)


def _epoch(number: Decimal) -> Reading | None:
    if not number.is_finite() or number.adjusted() > 20:
        return None
    milliseconds = number if abs(number) >= _MILLISECONDS_FROM else number * 1000
    return Reading(_EPOCH + timedelta(milliseconds=int(milliseconds)), zoned=True)


@dataclass(frozen=True, slots=True)
class EventTime:
    """When an event happened, and the warning that goes with it, if any. A time that `drifts` is another one if the event comes again."""

    at: datetime
    warning: str | None = None
    has_server_time: bool = False


def event_time(timestamp: Any, sent_at: Any, received_at: datetime) -> EventTime:
    """The time of an event by contract 1.3: its timestamp, corrected by the sender's clock where that is needed or possible."""
    if timestamp is None:
        return EventTime(received_at, has_server_time=True)
    reading = read(timestamp)
    if reading is None:
        return EventTime(received_at, "bad-timestamp", has_server_time=True)
    sent = read(sent_at)
    at = reading.at
    corrected = sent is not None and (not reading.zoned or sent.at > received_at)
    if sent is not None and corrected:
        at = _shifted(received_at, at - sent.at) or at
    if at > received_at + FUTURE_TOLERANCE:
        return EventTime(received_at, "future-timestamp", has_server_time=True)
    return EventTime(at, has_server_time=corrected)


def _shifted(received_at: datetime, by: timedelta) -> datetime | None:
    try:
        return received_at + by
    except OverflowError:
        return None
