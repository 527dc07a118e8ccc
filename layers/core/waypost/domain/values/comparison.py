"""How JSON values compare in conditions (`docs/journeys.md#operators`): as numbers, as instants, and for equality."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from waypost.domain.values import client_timestamps
from waypost.domain.values.zones import zone_of

NUMERIC: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?[ ]?(?:[Zz]|[+-]\d\d:?(?:\d\d)?)?)?", re.ASCII)
_MAX_INSTANT_LENGTH: Final = 40


def number(value: Any) -> int | Decimal | None:
    """The number that a value is, or that a string spells; None for any other value.

    A numeric string is written like a JSON number without an exponent: `007` and `0e12` are product codes or the like, and two
    different codes must not compare as equal numbers. Booleans are no numbers, although Python's are integers.
    """
    if isinstance(value, str):
        return Decimal(value) if NUMERIC.fullmatch(value) else None
    if isinstance(value, int):
        return None if isinstance(value, bool) else value
    if isinstance(value, float):
        value = Decimal(repr(value))
    return value if isinstance(value, Decimal) and value.is_finite() else None


def instant(value: Any, zone: str) -> datetime | None:
    """The instant (UTC, microseconds) of an ISO 8601 date, or date and time, in the extended format; None for any other value.

    A date means its midnight. A value without a zone or offset is local time in the IANA `zone`. Definitions write times in this form,
    and `is equal to` compares only texts of this form as instants: of the further forms that `time` reads, some look like product codes.
    """
    if not isinstance(value, str) or value[4:5] != "-" or len(value) > _MAX_INSTANT_LENGTH:
        return None
    return time(value, zone) if _INSTANT.fullmatch(value) else None


def time(value: Any, zone: str) -> datetime | None:
    """The instant (UTC) of a property in any form that the intake and the schema accept for a time; None for any other value."""
    if isinstance(value, float):
        value = number(value)
    parsed = client_timestamps.parse(value, zone_of(zone))
    return None if parsed is None else parsed.at


def has_zone(value: str) -> bool:
    """Whether an ISO 8601 date or time has a zone or offset of its own."""
    parsed = client_timestamps.parse(value)
    return parsed is not None and parsed.has_zone


def canonical(value: Any, zone: str) -> tuple[str, Hashable]:
    """A hashable key that is the same for two values if and only if `is equal to` is true of them.

    `2`, `2.0` and `"2"` have one key, so have `true` and `"true"`, and all spellings of one instant. Strings are case-sensitive.
    """
    if isinstance(value, str):
        return _canonical_text(value, zone)
    if isinstance(value, bool):
        return ("text", "true" if value else "false")
    as_number = number(value)
    if as_number is not None:
        return ("number", as_number)
    if isinstance(value, Mapping):
        return ("object", frozenset((name, canonical(each, zone)) for name, each in value.items()))
    if isinstance(value, list | tuple):
        return ("array", tuple(canonical(each, zone) for each in value))
    return ("other", repr(value))


def _canonical_text(text: str, zone: str) -> tuple[str, Hashable]:
    as_number = number(text)
    if as_number is not None:
        return ("number", as_number)
    as_instant = instant(text, zone)
    return ("text", text) if as_instant is None else ("instant", as_instant)
