"""How JSON values compare in conditions: what is a number, what is an instant, what is the same (contract 3.1)."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

NUMERIC: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_INSTANT: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,9}))?[ ]?(?:([Zz])|([+-]\d\d):?(\d\d)?)?)?",
    re.ASCII,
)
_LONGEST_INSTANT: Final = 40


def number(value: Any) -> int | Decimal | None:
    """The number that a value is or, as a text, shows; None for any other.

    A numeric text is written like a JSON number without an exponent: `007` and `0e12` are codes, not numbers.
    """
    if isinstance(value, str):
        return Decimal(value) if NUMERIC.fullmatch(value) else None
    if isinstance(value, int):
        return None if isinstance(value, bool) else value
    if isinstance(value, float):
        value = Decimal(repr(value))
    return value if isinstance(value, Decimal) and value.is_finite() else None


def instant(value: Any, zone: str) -> datetime | None:
    """The instant (UTC, microseconds) of an ISO 8601 date or date and time; None for any other value.

    A date is its midnight; what names no zone is meant in `zone`.
    """
    if not isinstance(value, str) or value[4:5] != "-" or len(value) > _LONGEST_INSTANT:
        return None
    match = _INSTANT.fullmatch(value)
    return _moment(match, zone_of(zone)) if match else None


def has_zone(value: str) -> bool:
    """Whether a date or time names its own zone."""
    match = _INSTANT.fullmatch(value)
    return bool(match and (match[5] or match[6]))


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo:
    """The IANA zone of this name; UTC where there is none."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return UTC


def canonical(value: Any, zone: str) -> tuple[str, Hashable]:
    """A key that two values share if, and only if, `is equal to` calls them the same.

    `2`, `2.0` and `"2"` share one, `true` and `"true"`, and all spellings of an instant; texts are case-sensitive.
    """
    if isinstance(value, str):
        return _canonical_text(value, zone)
    if isinstance(value, bool):
        return ("text", "true" if value else "false")
    found = number(value)
    if found is not None:
        return ("number", found)
    if isinstance(value, Mapping):
        return ("object", frozenset((name, canonical(each, zone)) for name, each in value.items()))
    if isinstance(value, list | tuple):
        return ("array", tuple(canonical(each, zone) for each in value))
    return ("other", repr(value))


def _canonical_text(text: str, zone: str) -> tuple[str, Hashable]:
    found = number(text)
    if found is not None:
        return ("number", found)
    moment = instant(text, zone)
    return ("text", text) if moment is None else ("instant", moment)


def _moment(match: re.Match[str], zone: tzinfo) -> datetime | None:
    day, clock, seconds, fraction, utc, hours, minutes = match.groups()
    micros = (fraction or "0")[:6].ljust(6, "0")
    offset = "+00:00" if utc else f"{hours}:{minutes or '00'}" if hours else ""
    try:
        parsed = datetime.fromisoformat(f"{day}T{clock or '00:00'}{seconds or ':00'}.{micros}{offset}")
        return (parsed if offset else parsed.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
