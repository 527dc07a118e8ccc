"""Timestamps of events, and the correction of clients' clocks (docs/events.md#time)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from waypost.domain.values.client_timestamps import EventTime, event_time, parse
from waypost.domain.values.wire_time import instant, iso

AT = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
RECEIVED = datetime(2026, 11, 23, 5, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "has_zone"),
    [
        ("2026-11-23T05:17:13Z", True),
        ("2026-11-23T05:17:13.000Z", True),
        ("2026-11-23t05:17:13z", True),
        (" 2026-11-23T05:17:13.000000000Z ", True),
        ("2026-11-23T06:17:13+01:00", True),
        ("2026-11-23 00:17:13-0500", True),
        ("20261123T051713Z", True),
        ("2026-11-23T05:17:13", False),
        ("2026-11-23 05:17:13.000", False),
        (1795411033, True),
        (1795411033000, True),
        (Decimal("1795411033.000"), True),
        (Decimal("1.795411033E12"), True),
        ("1795411033", True),
        ("1795411033000", True),
        ("Nov 23, 2026, 5:17:13 AM", False),
        ("Nov 23, 2026, 5:17:13\u202fAM", False),
        ("Nov 23, 2026 5:17:13 AM", False),
        ("Nov 23, 2026 5:17:13\u202fAM", False),
    ],
)
def test_each_known_format_is_parsed(written: Any, has_zone: bool) -> None:
    """ISO 8601, epoch seconds and milliseconds, and the format of the Android SDK on each of its runtimes give the same instant."""
    parsed = parse(written)
    assert parsed is not None
    assert (parsed.at, parsed.has_zone) == (AT, has_zone)


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-11-23T24:00:00Z", "2026-11-24T00:00:00"),
        ("2026-11-23T24:00Z", "2026-11-24T00:00:00"),
        ("2026-11-23 24:00:00.000+01:00", "2026-11-23T23:00:00"),
        ("2026-11-23T24:00:00", "2026-11-24T00:00:00"),
        ("20261123T240000Z", "2026-11-24T00:00:00"),
        ("2026-12-31T23:59:60Z", "2027-01-01T00:00:00"),
        ("2026-12-31T23:59:60.5Z", "2027-01-01T00:00:00.5"),
        ("20161231T235960Z", "2017-01-01T00:00:00"),
        ("2017-01-01T05:29:60+05:30", "2017-01-01T00:00:00"),
    ],
)
def test_the_end_of_a_day_and_a_leap_second_are_times(written: str, at: str) -> None:
    """`T24:00:00` is the next midnight, and the 60th second of a minute is the one after it, with and without a zone."""
    parsed = parse(written)
    assert parsed is not None
    assert parsed.at == datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert event_time(written, None, datetime(2030, 1, 1, tzinfo=UTC)).warning is None


@pytest.mark.parametrize(
    ("written", "hour"), [("Nov 23, 2026, 12:00:00 AM", 0), ("Nov 23, 2026, 12:00:00 PM", 12), ("Nov 23, 2026, 1:00:00 PM", 13)]
)
def test_twelve_am_is_midnight_and_twelve_pm_is_noon(written: str, hour: int) -> None:
    """In the format of the Android SDK, 12 AM is hour 0 and 12 PM is hour 12."""
    parsed = parse(written)
    assert parsed is not None
    assert parsed.at.hour == hour


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            "soon",
            "2026-13-01",
            "2026-02-30T00:00:00Z",
            "Foo 23, 2026, 5:17:13 AM",
            "Nov 31, 2026, 5:17:13 AM",
            "12",
            "2026-11-23T24:00:01Z",
            "2026-11-23T24:01:00Z",
            "2026-11-23T25:00:00Z",
            "2026-11-23T05:17:61Z",
            "9999-12-31T24:00:00Z",
            "0001-01-01T00:00:00+14:00",
        ),
        *(True, None, [], {}, 10**30, -(10**30), Decimal("1e400"), Decimal("NaN"), "\ud800", "9" * 100_000),
    ],
)
def test_an_unreadable_timestamp_becomes_the_time_of_receipt(written: Any) -> None:
    """An event with an unreadable timestamp has the time of receipt and the warning `bad-timestamp`; without a timestamp, no warning."""
    assert parse(written) is None
    assert event_time(written, None, RECEIVED) == EventTime(RECEIVED, None if written is None else "bad-timestamp", has_server_time=True)


@pytest.mark.parametrize(
    ("timestamp", "sent_at", "at"),
    [
        ("Nov 23, 2026, 9:17:13 AM", "Nov 23, 2026, 9:17:14 AM", RECEIVED - timedelta(seconds=1)),
        ("Nov 22, 2026, 11:00:00 PM", "Nov 22, 2026, 11:30:00 PM", RECEIVED - timedelta(minutes=30)),
        ("2026-11-23T05:00:00Z", "2026-11-23T05:19:00Z", datetime(2026, 11, 23, 5, tzinfo=UTC)),
        ("2031-01-01T00:00:00Z", "2031-01-01T00:01:00Z", RECEIVED - timedelta(minutes=1)),
        ("2026-11-23T05:00:00Z", "2026-11-23T05:20:01Z", RECEIVED - timedelta(minutes=20, seconds=1)),
        ("2026-11-23T05:00:00", None, datetime(2026, 11, 23, 5, tzinfo=UTC)),
        ("2026-11-23T05:00:00Z", "never", datetime(2026, 11, 23, 5, tzinfo=UTC)),
        ("0001-01-01T00:00:00", "9999-12-31T00:00:00", datetime(1, 1, 1, tzinfo=UTC)),
    ],
    ids=[
        "no zone, local time ahead",
        "no zone, local time of the day before",
        "zone and a slow clock",
        "clock years ahead",
        "clock a second ahead",
        "no zone and no sentAt",
        "unreadable sentAt",
        "corrected time out of range",
    ],
)
def test_the_error_of_a_clients_clock_is_taken_out(timestamp: str, sent_at: Any, at: datetime) -> None:
    """A timestamp without a zone, or of a batch sent after its receipt, keeps its distance to `sentAt`; any other stays as it is."""
    assert event_time(timestamp, sent_at, RECEIVED).at == at


@pytest.mark.parametrize(
    ("timestamp", "sent_at", "has_server_time"),
    [
        (None, None, True),
        ("2026-11-23T05:00:00Z", None, False),
        ("2026-11-23T05:00:00Z", "2026-11-23T05:10:00Z", False),
        ("2026-11-23T05:00:00Z", "2026-11-23T05:20:01Z", True),
        ("2026-11-23T05:00:00", "2026-11-23T05:10:00", True),
    ],
    ids=["no timestamp", "timestamp only", "good clock", "fast clock", "no zone"],
)
def test_a_time_that_depends_on_the_receipt_is_marked(timestamp: Any, sent_at: Any, has_server_time: bool) -> None:
    """An event whose time would be later if it were sent again has `has_server_time`; any other has not."""
    assert event_time(timestamp, sent_at, RECEIVED).has_server_time is has_server_time


def test_an_event_may_lie_five_minutes_in_the_future() -> None:
    """A timestamp up to 5 minutes after receipt stays; a later one becomes the time of receipt with the warning `future-timestamp`."""
    edge = RECEIVED + timedelta(minutes=5)
    assert event_time(iso(edge), None, RECEIVED) == EventTime(edge)
    assert event_time(iso(edge + timedelta(milliseconds=1)), None, RECEIVED) == EventTime(
        RECEIVED, "future-timestamp", has_server_time=True
    )


def test_an_old_timestamp_has_no_warning() -> None:
    """A timestamp that lies years before its receipt is accepted as it is."""
    assert event_time("2024-03-15T02:31:05.295Z", None, RECEIVED).warning is None


def test_our_own_instants_are_utc_with_milliseconds() -> None:
    """`instant` reads what `iso` writes, and refuses a text without a zone."""
    assert iso(AT) == "2026-11-23T05:17:13.000Z"
    assert instant(iso(AT)) == AT
    with pytest.raises(ValueError, match="no zone"):
        instant("2026-11-23T05:17:13")
