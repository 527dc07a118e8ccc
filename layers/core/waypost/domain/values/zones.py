"""Time zones by their IANA names (`docs/journeys.md#durations-and-time-zones`), whatever files the machine has.

The names are those of the package `tzdata`, and not those of the files on the machine: there, `localtime` and `posixrules` are the zone of
the machine, and the files below `right/` count leap seconds, so that their clocks are 27 seconds off.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from functools import cache, lru_cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo


def iana_name(value: Any) -> str | None:
    """The IANA name that a value is, with the capitals of the database; None for any other value."""
    if not isinstance(value, str):
        return None
    return value if value == "UTC" else _names().get(value.lower())


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo:
    """The time zone of this IANA name; UTC if there is none. It is cached, because ZoneInfo looks for files."""
    known = iana_name(name)
    return UTC if known is None else ZoneInfo(known)


@cache
def _names() -> Mapping[str, str]:
    """The names by their lower case. Few functions need them, so they are read on first use."""
    listed = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return {name.lower(): name for name in listed if name != "Factory"}
