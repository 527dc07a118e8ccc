"""How many events were accepted and rejected over time (docs/api.md#events-over-time)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from waypost.domain.errors import RefusedError
from waypost.manage.api import ApiRequest
from waypost.manage.requests import HistogramQuery
from waypost.manage.responses.events import HistogramBucket, HistogramResponse
from waypost.ports import EventCounts, RejectedCounts

LONGEST: Final = timedelta(days=1)
"""How far back `since` may lie: each day of the period is read by calls of its own."""

DEFAULT: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)


class Buckets(NamedTuple):
    """So many periods of equal length, one after another, the first from `start` on. The length is a whole number of minutes."""

    start: datetime
    length: timedelta
    number: int

    def place(self, at: datetime) -> datetime:
        """The start of the period in which a time lies."""
        return self.start + (at - self.start) // self.length * self.length

    @property
    def starts(self) -> list[datetime]:
        """The starts of all periods, the oldest first."""
        return [self.start + place * self.length for place in range(self.number)]


def buckets_for(since: datetime, now: datetime, number: int) -> Buckets:
    """So many periods up to now that reach back to `since`, or to less than a minute after it, or beyond it."""
    # Rejected events are counted by minute, so no period can be shorter, or begin within a minute. Periods begin at multiples of their
    # length: a chart that is drawn again some seconds later shows the same bars, moved by one at most. The minute that is left out lets
    # `since` of an hour ago have 60 periods of one minute, although the request arrived some milliseconds after that.
    minutes = max(1, -((now - since - _MINUTE) // -(number * _MINUTE)))
    length = minutes * _MINUTE
    epoch = datetime.fromtimestamp(0, UTC)
    end = epoch + ((now - epoch) // length + 1) * length
    return Buckets(end - number * length, length, number)


def histogram(log: EventCounts, rejected: RejectedCounts, workspace: str, buckets: Buckets, now: datetime) -> HistogramResponse:
    """The events of each period. The number of calls depends on neither the number of events nor that of periods."""
    logged = log.counts(workspace, buckets.start, now)
    accepted: Counter[datetime] = Counter()
    for at, number in logged.counts:
        accepted[buckets.place(at)] += number
    refused: Counter[datetime] = Counter()
    for minute, number in rejected.counts(workspace, buckets.start, now).items():
        refused[buckets.place(minute)] += number
    return HistogramResponse(
        since=buckets.start,
        until=now,
        bucket_seconds=int(buckets.length.total_seconds()),
        buckets=tuple(HistogramBucket(from_=each, accepted=accepted[each], rejected=refused[each]) for each in buckets.starts),
        complete=logged.is_exact,
        counted_from=logged.counted_from,
    )


def read_histogram(request: ApiRequest[HistogramQuery, None]) -> HistogramResponse:
    """`GET /api/events/histogram`. RefusedError 400 for a `since` that lies too far back."""
    dependencies, now = request.dependencies, request.now
    since = min(request.query.since or now - DEFAULT, now)
    if since < now - LONGEST - _MINUTE:
        raise RefusedError(400, "bad-parameter", "Wrong parameters: `since` lies at most a day back.")
    buckets = buckets_for(since, now, request.query.buckets)
    return histogram(dependencies.log, dependencies.rejected, request.workspace, buckets, now)
