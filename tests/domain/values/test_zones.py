"""Zones are IANA names (docs/journeys.md#durations-and-time-zones)."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.local.paths import LAYER
from waypost.domain.values.windows import zone_for
from waypost.domain.values.zones import iana_name, zone_of


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Europe/Paris", "Europe/Paris"),
        ("europe/paris", "Europe/Paris"),
        ("AMERICA/NEW_YORK", "America/New_York"),
        ("utc", "UTC"),
        ("US/Pacific", "US/Pacific"),
        ("etc/gmt+5", "Etc/GMT+5"),
    ],
)
def test_a_zone_is_found_whatever_its_capitals(written: str, name: str) -> None:
    """A name in other capitals is the name of the database, also as the zone of a customer."""
    assert (iana_name(written), zone_for({"timezone": written}, "Asia/Tokyo")) == (name, name)
    assert zone_of(written).utcoffset(datetime(2026, 7, 1)) == zone_of(name).utcoffset(datetime(2026, 7, 1))  # noqa: DTZ001 - a local time


@pytest.mark.parametrize(
    "written",
    [
        "localtime",
        "posixrules",
        "right/Europe/Paris",
        "posix/Europe/Paris",
        "Factory",
        "Mars/Base",
        "",
        " ",
        "../etc/passwd",
        "Europe",
        "+02:00",
        *(7, None, True, [], {}, "\ud800", "\0"),
    ],
)
def test_a_file_of_the_machine_is_no_zone(written: Any) -> None:
    """What only names a file beside the zones, or nothing, is no zone: the zone of the workspace holds."""
    assert iana_name(written) is None
    assert zone_for({"timezone": written}, "Asia/Tokyo") == "Asia/Tokyo"


def test_zones_do_not_depend_on_the_files_of_the_machine() -> None:
    """A runtime without zone files has the same zones: a day of Berlin in summer is two hours ahead of UTC."""
    program = f"""
import sys, zoneinfo; sys.path.insert(0, {str(LAYER)!r}); zoneinfo.reset_tzpath(())
from datetime import datetime, timezone
from waypost.domain.values.zones import zone_of
print(datetime(2026, 7, 1, tzinfo=timezone.utc).astimezone(zone_of("Europe/Berlin")).utcoffset())
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == str(timedelta(hours=2))


def test_an_unknown_zone_is_utc() -> None:
    """Where no name is known, times are in UTC."""
    assert zone_of("Mars/Base") is UTC
