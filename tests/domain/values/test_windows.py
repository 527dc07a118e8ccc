"""Local hours: overnight, on some days, and in the nights in which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.values.comparison import zone_of
from waypost.domain.values.windows import WEEKDAYS, Hours, zone_for

BERLIN = "Europe/Berlin"


def utc(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "closing"),
    [
        ("2026-11-23T20:59", None),
        ("2026-11-23T21:00", "2026-11-24T06:00"),  # 22:00 in Berlin
        ("2026-11-24T05:59", "2026-11-24T06:00"),
        ("2026-11-24T06:00", None),
        ("2026-03-28T23:00", "2026-03-29T05:00"),  # the night in which clocks go forward
        ("2026-10-24T22:00", "2026-10-25T06:00"),  # the night in which they go back
    ],
)
def test_hours_over_midnight_are_counted_on_local_clocks(now: str, closing: str | None) -> None:
    """From 22:00 to 07:00 in Berlin, whatever the length of the night; the end is no part of it."""
    found = Hours("22:00", "07:00").closing(utc(now), BERLIN)
    assert found == (utc(closing) if closing else None)


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        ("2026-11-23T08:00", "2026-11-23T08:00"),
        ("2026-11-23T07:59", "2026-11-23T08:00"),
        ("2026-11-23T16:00", "2026-11-24T08:00"),
        ("2026-03-28T16:30", "2026-03-29T07:00"),
    ],
)
def test_hours_of_the_day_open_every_day(now: str, opening: str) -> None:
    """From 09:00 to 17:00 in Berlin: at once while open, else at the next opening, an hour earlier in UTC from spring on."""
    assert Hours("09:00", "17:00").opening(utc(now), BERLIN) == utc(opening)


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        ("2026-11-23T12:00", "2026-11-23T12:00"),  # a Monday
        ("2026-11-24T01:59", "2026-11-24T01:59"),  # its night belongs to it
        ("2026-11-24T02:00", "2026-11-27T10:00"),  # the next is Friday
        ("2026-11-28T10:30", "2026-11-30T10:00"),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(now: str, opening: str) -> None:
    """Mondays and Fridays from 10:00 to 02:00."""
    assert Hours("10:00", "02:00", ("monday", "friday")).opening(utc(now), "UTC") == utc(opening)


def test_the_same_time_twice_is_a_whole_day() -> None:
    """All Sunday, and nothing of Monday."""
    sundays = Hours("00:00", "00:00", ("sunday",))
    assert sundays.opening(utc("2026-11-23T00:00"), "UTC") == utc("2026-11-29T00:00")
    assert sundays.closing(utc("2026-11-29T23:59"), "UTC") == utc("2026-11-30T00:00")


def test_hours_that_clocks_skip_or_show_twice() -> None:
    """02:30 is skipped in spring: it moves on by an hour. In autumn it comes twice: quiet from its first to its last moment."""
    spring = Hours("01:00", "02:30").closing(utc("2026-03-29T00:30"), BERLIN)
    autumn = Hours("01:00", "02:30").closing(utc("2026-10-25T00:45"), BERLIN)
    assert (spring, autumn) == (utc("2026-03-29T01:30"), utc("2026-10-25T01:30"))


@given(
    now=st.integers(0, 3 * 366 * 24 * 60).map(lambda minutes: utc("2025-01-01") + timedelta(minutes=minutes)),
    start=st.times().map(lambda each: each.strftime("%H:%M")),
    end=st.times().map(lambda each: each.strftime("%H:%M")),
    days=st.sets(st.sampled_from(WEEKDAYS), min_size=1),
    zone=st.sampled_from(["UTC", BERLIN, "America/New_York", "Pacific/Auckland", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_an_opening_is_open_and_comes_within_eight_days(now: datetime, start: str, end: str, days: set[str], zone: str) -> None:
    """Never early, never never, and on local clocks that show the time of opening, unless clocks skip it."""
    hours = Hours(start, end, days)
    opening = hours.opening(now, zone)
    assert now <= opening <= now + timedelta(days=8)
    assert hours.closing(opening, zone) is not None
    if opening > now:
        local = opening.astimezone(zone_of(zone))
        assert local.strftime("%H:%M") == start or local.utcoffset() != (local - timedelta(hours=2)).utcoffset()


def test_a_zone_is_the_customers_else_the_workspaces() -> None:
    """A name that is no zone is none."""
    assert zone_for({"timezone": "Asia/Tokyo"}, BERLIN) == "Asia/Tokyo"
    assert zone_for({"timezone": "UTC"}, BERLIN) == "UTC"
    for wrong in ({}, {"timezone": "Mars/Base"}, {"timezone": 7}, {"timezone": ""}, {"timezone": "../../etc/passwd"}):
        assert zone_for(wrong, BERLIN) == BERLIN
