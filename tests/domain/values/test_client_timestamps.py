"""Times as callers write them, and clocks that are wrong (contract 1.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from waypost.domain.values.client_timestamps import EventTime, event_time, read
from waypost.domain.values.wire_time import instant, iso

AT = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
RECEIVED = datetime(2026, 11, 23, 5, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "zoned"),
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
def test_every_known_way_to_write_a_time_is_read(written: Any, zoned: bool) -> None:
    """ISO 8601, epoch seconds and milliseconds, and what the Android SDK prints on any of its runtimes."""
    reading = read(written)
    assert reading is not None
    assert (reading.at, reading.zoned) == (AT, zoned)


@pytest.mark.parametrize(
    ("written", "hour"), [("Nov 23, 2026, 12:00:00 AM", 0), ("Nov 23, 2026, 12:00:00 PM", 12), ("Nov 23, 2026, 1:00:00 PM", 13)]
)
def test_noon_and_midnight_are_told_apart(written: str, hour: int) -> None:
    """Twelve comes before one."""
    reading = read(written)
    assert reading is not None
    assert reading.at.hour == hour


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
            "0001-01-01T00:00:00+14:00",
        ),
        *(True, None, [], {}, 10**30, -(10**30), Decimal("1e400"), Decimal("NaN"), "\ud800", "9" * 100_000),
    ],
)
def test_what_is_no_time_is_the_time_of_receipt_with_a_warning(written: Any) -> None:
    """An unreadable clock does not cost its owner the event; a missing one is no fault."""
    assert read(written) is None
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
        "device zone",
        "yesterday's zone",
        "zone and a slow clock",
        "years ahead",
        "a second ahead",
        "no sentAt",
        "bad sentAt",
        "out of all bounds",
    ],
)
def test_a_clock_is_corrected_where_it_must_and_can_be(timestamp: str, sent_at: Any, at: datetime) -> None:
    """Without a zone, or where it was sent after it came: the distance between the two is right, whatever the clock."""
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
    ids=["none", "its own", "a good clock", "a fast clock", "no zone"],
)
def test_a_time_that_hangs_on_the_receipt_says_so(timestamp: Any, sent_at: Any, has_server_time: bool) -> None:
    """Sent again, such an event seems to happen later, though it is the same."""
    assert event_time(timestamp, sent_at, RECEIVED).has_server_time is has_server_time


def test_the_future_ends_after_five_minutes() -> None:
    """Up to there a clock may be fast; beyond, the time of receipt counts."""
    edge = RECEIVED + timedelta(minutes=5)
    assert event_time(iso(edge), None, RECEIVED) == EventTime(edge)
    assert event_time(iso(edge + timedelta(milliseconds=1)), None, RECEIVED) == EventTime(
        RECEIVED, "future-timestamp", has_server_time=True
    )


def test_age_alone_stops_nothing() -> None:
    """The documentation's own example is years old."""
    assert event_time("2024-03-15T02:31:05.295Z", None, RECEIVED).warning is None


def test_a_time_on_the_wire_is_utc_with_milliseconds() -> None:
    """And reads back as itself; one without a zone does not."""
    assert iso(AT) == "2026-11-23T05:17:13.000Z"
    assert instant(iso(AT)) == AT
    with pytest.raises(ValueError, match="no zone"):
        instant("2026-11-23T05:17:13")
