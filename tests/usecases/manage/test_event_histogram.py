"""Events over time: the periods, and how many events are in each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.manage import manage_dependencies
from waypost.domain.errors import RefusedError
from waypost.domain.intake.event_log import LoggedCounts
from waypost.manage.api import ApiRequest
from waypost.manage.event_histogram import Buckets, buckets_for, histogram, read_histogram
from waypost.manage.requests import HistogramQuery

NOW = datetime(2026, 11, 23, 12, 30, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Counts:
    """What a log and the counters of rejected events return, and the periods that were requested."""

    def __init__(self, logged: Mapping[datetime, int], rejected: Mapping[datetime, int], *, is_exact: bool = True) -> None:
        self.logged, self.is_exact = logged, is_exact
        self.rejected = Rejected(rejected)

    def counts(self, workspace: str, since: datetime, until: datetime) -> LoggedCounts:
        return LoggedCounts(tuple(self.logged.items()), is_exact=self.is_exact, counted_from=since)


class Rejected:
    """The counters of rejected events."""

    def __init__(self, by_minute: Mapping[datetime, int]) -> None:
        self.by_minute = by_minute

    def counts(self, workspace: str, since: datetime, until: datetime) -> Mapping[datetime, int]:
        return self.by_minute


def test_the_last_hour_has_a_period_for_each_minute() -> None:
    """A request that arrives a moment after it was made still gets 60 minutes, each from its first second on."""
    buckets = buckets_for(NOW - timedelta(hours=1, milliseconds=80), NOW, 60)
    assert buckets == Buckets(datetime(2026, 11, 23, 11, 31, tzinfo=UTC), MINUTE, 60)


@given(
    now=st.floats(1.6e9, 1.9e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    back=st.timedeltas(timedelta(0), timedelta(days=1)),
    number=st.integers(1, 120),
)
def test_the_periods_reach_from_since_to_now(now: datetime, back: timedelta, number: int) -> None:
    """Each has whole minutes and begins with a minute. Together they hold now, and `since` or a time within a period after it."""
    buckets = buckets_for(now - back, now, number)
    assert buckets.number == number
    assert buckets.length % MINUTE == timedelta(0)
    assert buckets.start.second == buckets.start.microsecond == 0
    assert buckets.start + (number - 1) * buckets.length <= now < buckets.start + number * buckets.length
    assert buckets.start <= now - back + buckets.length + MINUTE


def test_each_event_is_counted_in_its_period() -> None:
    """The first and the last instant of a period belong to it, and a period without events has zeros."""
    start = datetime(2026, 11, 23, 12, 20, tzinfo=UTC)
    logged = {start: 3, start + 5 * MINUTE - timedelta(milliseconds=1): 4, start + 10 * MINUTE: 5}
    counted = Counts(logged, {start + 9 * MINUTE: 6})
    found = histogram(counted, counted.rejected, "w1", Buckets(start, 5 * MINUTE, 3), NOW)
    assert [(each.accepted, each.rejected) for each in found.buckets] == [(7, 0), (0, 6), (5, 0)]
    assert (found.bucket_seconds, found.complete, found.since, found.until) == (300, True, start, NOW)


def test_lower_bounds_are_marked() -> None:
    """The response says that it is not complete where the log counted less than there may be."""
    counted = Counts({NOW: 1}, {}, is_exact=False)
    assert not histogram(counted, counted.rejected, "w1", Buckets(NOW - 5 * MINUTE, MINUTE, 10), NOW).complete


def test_a_period_of_more_than_a_day_is_refused() -> None:
    """A day is accepted, and more than that is not: each day takes calls of its own."""
    counted = Counts({}, {})
    dependencies = manage_dependencies(log=counted, rejected=counted.rejected)

    def requested(since: datetime) -> int:
        query = HistogramQuery(since=since)
        return len(read_histogram(ApiRequest("w1", NOW, {}, query, None, lambda: dependencies)).buckets)

    assert requested(NOW - timedelta(days=1)) == requested(NOW + timedelta(days=1)) == 60
    with pytest.raises(RefusedError) as refused:
        requested(NOW - timedelta(days=1, minutes=2))
    assert (refused.value.status, refused.value.code) == (400, "bad-parameter")
