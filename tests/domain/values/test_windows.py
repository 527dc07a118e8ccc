"""Hours of local time: overnight, on some weekdays, and in the nights in which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.values.windows import WEEKDAYS, Hours, zone_for
from waypost.domain.values.zones import zone_of

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
def test_hours_across_midnight_follow_local_clocks(now: str, closing: str | None) -> None:
    """Hours from 22:00 to 07:00 in Berlin close at 07:00 local time, whatever the length of the night; at 07:00 they are closed."""
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
    """Hours from 09:00 to 17:00 in Berlin are open now or open next at 09:00 local time, which in summer is an hour earlier in UTC."""
    assert Hours("09:00", "17:00").opening(utc(now), BERLIN) == utc(opening)


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        ("2026-11-23T12:00", "2026-11-23T12:00"),  # a Monday
        ("2026-11-24T01:59", "2026-11-24T01:59"),  # the hours of Monday last until 02:00
        ("2026-11-24T02:00", "2026-11-27T10:00"),  # the next are on Friday
        ("2026-11-28T10:30", "2026-11-30T10:00"),
    ],
)
def test_hours_belong_to_the_day_on_which_they_open(now: str, opening: str) -> None:
    """Hours from 10:00 to 02:00 on Mondays and Fridays are open on Tuesday until 02:00 and closed from then to Friday."""
    assert Hours("10:00", "02:00", ("monday", "friday")).opening(utc(now), "UTC") == utc(opening)


def test_hours_with_equal_ends_last_a_day() -> None:
    """Hours from 00:00 to 00:00 on Sundays are open all Sunday and closed on Monday."""
    sundays = Hours("00:00", "00:00", ("sunday",))
    assert sundays.opening(utc("2026-11-23T00:00"), "UTC") == utc("2026-11-29T00:00")
    assert sundays.closing(utc("2026-11-29T23:59"), "UTC") == utc("2026-11-30T00:00")


def test_hours_may_end_at_a_time_that_clocks_skip_or_repeat() -> None:
    """Hours that close at 02:30 close at 03:30 in the night that skips it, and at the second 02:30 in the night that repeats it."""
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
def test_the_next_opening_is_open_and_within_eight_days(now: datetime, start: str, end: str, days: set[str], zone: str) -> None:
    """The next opening is not in the past, within 8 days, open, and at the local time of opening unless the clocks skip that."""
    hours = Hours(start, end, days)
    opening = hours.opening(now, zone)
    assert now <= opening <= now + timedelta(days=8)
    assert hours.closing(opening, zone) is not None
    if opening > now:
        local = opening.astimezone(zone_of(zone))
        assert local.strftime("%H:%M") == start or local.utcoffset() != (local - timedelta(hours=2)).utcoffset()


def test_the_zone_is_the_customers_or_else_the_workspaces() -> None:
    """The attribute `timezone` counts if it names a zone; otherwise the zone is the workspace's."""
    assert zone_for({"timezone": "Asia/Tokyo"}, BERLIN) == "Asia/Tokyo"
    assert zone_for({"timezone": "UTC"}, BERLIN) == "UTC"
    for wrong in ({}, {"timezone": "Mars/Base"}, {"timezone": 7}, {"timezone": ""}, {"timezone": "../../etc/passwd"}):
        assert zone_for(wrong, BERLIN) == BERLIN
