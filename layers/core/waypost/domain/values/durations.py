"""ISO 8601 durations (`docs/journeys.md#durations-and-time-zones`): days and longer are calendar time, hours and shorter elapsed time."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from waypost.domain.values.calendar_edges import LAST, in_zone, nearest_in_utc, shifted
from waypost.domain.values.zones import zone_of

PATTERN: Final = (
    r"^P(?=[0-9T])(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)W)?(?:([0-9]+)D)?"
    r"(?:T(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?)?$"
)
MAX_TEXT_LENGTH: Final = 64
MAX_DAYS: Final = 366
BELOW_A_SECOND: Final = r"^P(?:0+[YMWD])*(?:T(?:0+H)?(?:0+M)?(?:0+(?:\.[0-9]+)?S)?)?$"
"""What a duration below one second looks like among those that match `PATTERN`, for the JSON Schema."""

_SHORTEST_DAY: Final = timedelta(hours=20)
"""Below any calendar day: the day on which clocks go forward has 23 hours, in a few zones 22."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration of whole months, whole days and elapsed time. None of them is negative; together they are at most a year."""

    months: int
    days: int
    elapsed: timedelta

    @property
    def is_zero(self) -> bool:
        """Whether the duration has no length."""
        return not (self.months or self.days or self.elapsed)

    @property
    def at_least(self) -> timedelta:
        """A lower bound of the time that the duration takes, whatever the zone and the month in which it begins."""
        return _SHORTEST_DAY * (28 * self.months + self.days) + self.elapsed

    @property
    def text(self) -> str:
        """The duration in ISO 8601, such as `P1M3DT4H`."""
        days = f"{self.months}M" * bool(self.months) + f"{self.days}D" * bool(self.days)
        seconds = self.elapsed.total_seconds()
        hours, minutes = int(seconds // 3600), int(seconds % 3600 // 60)
        rest = f"{seconds % 60:g}S" * bool(seconds % 60) if seconds else "" if days else "0S"
        clock = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes) + rest
        return f"P{days}" + f"T{clock}" * bool(clock)

    def after(self, start: datetime, zone: str) -> datetime:
        """The instant (UTC) at the end of the duration that begins at `start`, which has a zone of any kind.

        Months and days are counted on the calendar of the IANA `zone`, so that "three days later" is the same local time, across a
        change of the clocks too. A day that the month does not have becomes its last day. A local time that the change of the clocks
        skips moves on by the missing hour.
        """
        if self.months or self.days:
            start = self._on_calendar(in_zone(start.astimezone(UTC), zone_of(zone)))
        return shifted(nearest_in_utc(start), self.elapsed)

    def _on_calendar(self, local: datetime) -> datetime:
        year, month = divmod(local.year * 12 + local.month - 1 + self.months, 12)
        if year > LAST.year:
            return LAST
        day = min(local.day, monthrange(year, month + 1)[1])
        return shifted(local.replace(year=year, month=month + 1, day=day), timedelta(days=self.days))


def parse(text: str) -> Duration:
    """The duration in an ISO 8601 text such as `P3D` or `PT1H30M`. ValueError for any other text, and for more than a year."""
    match = re.fullmatch(PATTERN, text) if len(text) <= MAX_TEXT_LENGTH else None
    if match is None:
        raise ValueError("not an ISO 8601 duration such as PT30S, P3D or P1Y")
    # The cut at 10**8 keeps timedelta from overflowing on absurd numbers; all of them are refused below as longer than a year.
    years, months, weeks, days, hours, minutes = (min(int(part or 0), 10**8) for part in match.groups()[:6])
    try:
        elapsed = timedelta(hours=hours, minutes=minutes, seconds=float(match[7] or 0))
    except OverflowError:
        raise ValueError("longer than a year") from None
    duration = Duration(months=years * 12 + months, days=weeks * 7 + days, elapsed=elapsed)
    if duration.months * 30.4375 + duration.days + elapsed / timedelta(days=1) > MAX_DAYS:
        raise ValueError("longer than a year")
    return duration


def _from_wire(raw: Any) -> Duration:
    if isinstance(raw, Duration):
        return raw
    try:
        return parse(raw if isinstance(raw, str) else "")
    except ValueError as error:
        raise PydanticCustomError("bad-duration", "{reason}", {"reason": str(error)}) from error


WireDuration = Annotated[
    Duration,
    PlainValidator(_from_wire),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "description": "ISO 8601, `PT30S` to `P1Y`.", "examples": ["PT30M", "P3D"]}),
]
"""The type of a duration in the definition of a journey."""

# The lower limit stands in the JSON Schema and in the publish checks, not in parsing: a version that was published with a shorter delay
# must still parse, or its runs could not be continued.
WaitDuration = Annotated[
    WireDuration,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": PATTERN,
            "not": {"pattern": BELOW_A_SECOND},
            "description": "ISO 8601, `PT1S` to `P1Y`.",
            "examples": ["PT30M", "P3D"],
        }
    ),
]
"""The type of a delay or a timeout, which is at least one second (`docs/journeys.md#durations-and-time-zones`)."""
