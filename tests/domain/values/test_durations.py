"""ISO 8601 durations (docs/journeys.md#durations-and-time-zones)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from waypost.domain.values.durations import parse
from waypost.domain.values.wire_time import instant, iso

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "start", "zone", "end"),
    [
        ("PT30S", "2026-11-23T05:00:00Z", "UTC", "2026-11-23T05:00:30.000Z"),
        ("PT1.5S", "2026-11-23T05:00:00Z", "UTC", "2026-11-23T05:00:01.500Z"),
        ("P1DT1H", "2026-11-23T05:00:00Z", "UTC", "2026-11-24T06:00:00.000Z"),
        ("P2W", "2026-11-23T05:00:00Z", "UTC", "2026-12-07T05:00:00.000Z"),
        ("P1M", "2026-01-31T12:00:00Z", "UTC", "2026-02-28T12:00:00.000Z"),
        ("P2M", "2026-01-31T12:00:00Z", "UTC", "2026-03-31T12:00:00.000Z"),
        ("P1Y", "2028-02-29T12:00:00Z", "UTC", "2029-02-28T12:00:00.000Z"),
        ("P1D", "2026-10-24T10:00:00Z", BERLIN, "2026-10-25T11:00:00.000Z"),
        ("PT24H", "2026-10-24T10:00:00Z", BERLIN, "2026-10-25T10:00:00.000Z"),
        ("P1D", "2026-03-28T01:30:00Z", BERLIN, "2026-03-29T01:30:00.000Z"),
        ("PT1H", "2026-10-25T00:30:00Z", BERLIN, "2026-10-25T01:30:00.000Z"),
        ("PT1H", "2026-10-25T01:30:00Z", BERLIN, "2026-10-25T02:30:00.000Z"),
        ("P1M", "2026-01-31T23:30:00Z", BERLIN, "2026-02-28T23:30:00.000Z"),
    ],
)
def test_days_are_calendar_time_and_hours_are_elapsed_time(text: str, start: str, zone: str, end: str) -> None:
    """A day later is the same local time, across a change of the clocks too; a local time that is skipped moves on by an hour."""
    assert iso(parse(text).after(instant(start), zone)) == end


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1", "1D", "P-1D", "P1H", "PT1D", "P1.5D", "p1d", "P1D ", "P1D\n", "P1W2Y", "P" + "1" * 80 + "D"]
)
def test_a_text_that_is_no_duration_is_refused(text: str) -> None:
    """Signs, fractions of days, lower case, and parts in the wrong order are refused."""
    with pytest.raises(ValueError, match="duration"):
        parse(text)


@pytest.mark.parametrize("text", ["P1Y1D", "P13M", "P367D", "P53W", "PT8785H", "P99999999999Y", "PT9999999999999999S"])
def test_a_duration_of_more_than_a_year_is_refused(text: str) -> None:
    """More than 366 days is refused in each unit, absurdly large numbers included."""
    with pytest.raises(ValueError, match="longer than a year"):
        parse(text)


@pytest.mark.parametrize("text", ["P1Y", "P12M", "P366D", "P52W", "PT8784H"])
def test_a_year_is_allowed_in_every_unit(text: str) -> None:
    """A year of 366 days is accepted in each unit."""
    assert parse(text).after(datetime(2026, 1, 1, tzinfo=UTC), "UTC").year >= 2026


def test_a_duration_without_length_is_zero() -> None:
    """`PT0S` is zero, `PT1S` is not."""
    assert parse("PT0S").is_zero
    assert not parse("PT1S").is_zero


@pytest.mark.parametrize("text", ["P3D", "PT1H30M", "PT0.5S", "P1M", "P1MT1S", "PT0S", "P10DT36H"])
def test_a_duration_is_written_as_it_was_read(text: str) -> None:
    """The text of a duration parses to the same duration and leaves out parts that are zero."""
    assert parse(text).text == text


def test_a_duration_is_written_in_months_days_and_parts_of_a_day() -> None:
    """Years are written as months, weeks as days, and 90 seconds as a minute and a half."""
    assert (parse("P1Y").text, parse("P1W").text) == ("P12M", "P7D")
    assert (parse("PT90S").elapsed, parse("PT90S").text) == (timedelta(seconds=90), "PT1M30S")
