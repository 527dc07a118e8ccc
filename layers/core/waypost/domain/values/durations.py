"""Durations as ISO 8601 writes them: days and longer are calendar time, parts of a day are elapsed time (contract 3.1)."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from waypost.domain.values.comparison import zone_of

PATTERN: Final = (
    r"^P(?=[0-9T])(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)W)?(?:([0-9]+)D)?"
    r"(?:T(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?)?$"
)
LONGEST_TEXT: Final = 64
LONGEST_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class Duration:
    """A span of whole months, whole days and elapsed time, at most a year; none of them is negative."""

    months: int
    days: int
    elapsed: timedelta

    @property
    def is_zero(self) -> bool:
        """Whether it takes no time at all."""
        return not (self.months or self.days or self.elapsed)

    @property
    def text(self) -> str:
        """As ISO 8601 writes it."""
        days = f"{self.months}M" * bool(self.months) + f"{self.days}D" * bool(self.days)
        seconds = self.elapsed.total_seconds()
        hours, minutes = int(seconds // 3600), int(seconds % 3600 // 60)
        rest = f"{seconds % 60:g}S" * bool(seconds % 60) if seconds else "" if days else "0S"
        clock = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes) + rest
        return f"P{days}" + f"T{clock}" * bool(clock)

    def after(self, start: datetime, zone: str) -> datetime:
        """The instant (UTC) that lies this long after an aware `start`, with months and days counted on the calendar of the IANA `zone`.

        A day that the month lacks becomes its last day; a local time that a change of clocks skips moves on by the hour that is missing.
        """
        if self.months or self.days:
            start = self._on_calendar(start.astimezone(zone_of(zone)))
        return start.astimezone(UTC) + self.elapsed

    def _on_calendar(self, local: datetime) -> datetime:
        years, month = divmod(local.year * 12 + local.month - 1 + self.months, 12)
        day = min(local.day, monthrange(years, month + 1)[1])
        return local.replace(year=years, month=month + 1, day=day) + timedelta(days=self.days)


def parse(text: str) -> Duration:
    """The duration of an ISO 8601 text such as `P3D` or `PT1H30M`; ValueError for any other text and for more than a year."""
    match = re.fullmatch(PATTERN, text) if len(text) <= LONGEST_TEXT else None
    if match is None:
        raise ValueError("not an ISO 8601 duration such as PT30S, P3D or P1Y")
    years, months, weeks, days, hours, minutes = (min(int(part or 0), 10**8) for part in match.groups()[:6])
    try:
        elapsed = timedelta(hours=hours, minutes=minutes, seconds=float(match[7] or 0))
    except OverflowError:
        raise ValueError("longer than a year") from None
    whole = Duration(months=years * 12 + months, days=weeks * 7 + days, elapsed=elapsed)
    if whole.months * 30.4375 + whole.days + elapsed / timedelta(days=1) > LONGEST_DAYS:
        raise ValueError("longer than a year")
    return whole


def _from_wire(raw: Any) -> Duration:
    if isinstance(raw, Duration):
        return raw
    try:
        return parse(raw if isinstance(raw, str) else "")
    except ValueError as error:
        raise PydanticCustomError("bad-duration", "{fault}", {"fault": str(error)}) from error


WireDuration = Annotated[
    Duration,
    PlainValidator(_from_wire),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "description": "ISO 8601, `PT30S` to `P1Y`.", "examples": ["PT30M", "P3D"]}),
]
"""A duration as a field of a definition."""
