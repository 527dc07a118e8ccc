"""Reads of the event log and of rejected events between two positions, in DynamoDB and in the fake log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from tests.fakes.ingest_harness import event_of, wire
from tests.fakes.log import FakeLog
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb import events
from waypost.adapters.dynamodb.events import DynamoLog, DynamoReceipts
from waypost.adapters.dynamodb.rejected_events import DynamoRejectedEvents
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Rejected, RejectedEvent
from waypost.domain.values.chunks import chunked
from waypost.domain.values.wire_time import iso

Log = DynamoLog | FakeLog
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMES = ["0", "9", "a", "aa", "b", "z"]
PAGES = [
    Page("w1", "c_1", NOON + timedelta(milliseconds=time), name, (event_of(wire(uuid=f"{time}{name}")),))
    for time, name in product((0, 1, 2), NAMES)
]
POSITIONS = [f"{iso(page.received_at)}#{page.name}" for page in PAGES]
ERROR = Rejected("bad-event", "event: must not be blank.", "/batch/0/event")


@pytest.fixture(scope="module")
def moto() -> Iterator[None]:
    """AWS in this process."""
    with aws():
        yield


@pytest.fixture(scope="module", params=["DynamoDB", "fake"])
def log(request: pytest.FixtureRequest, moto: None) -> Log:
    """Both implementations with all pages."""
    found: Log = DynamoLog(DynamoReceipts(empty_table("EventsTable"), timedelta(days=90))) if request.param == "DynamoDB" else FakeLog()
    found.write("w1", PAGES, [])
    return found


@pytest.mark.parametrize("since", [None, NOON, NOON + timedelta(milliseconds=1), NOON + timedelta(seconds=1)], ids=str)
@pytest.mark.parametrize(
    "before",
    [
        None,
        POSITIONS[0],
        POSITIONS[8],
        f"{POSITIONS[8]}#0003",
        POSITIONS[-1],
        "2026-11-23~",
        "2026-11-22~",
        iso(NOON + timedelta(milliseconds=1)),
    ],
)
def test_a_read_since_a_time_and_before_a_position_returns_what_lies_between(log: Log, since: datetime | None, before: str | None) -> None:
    """The pages of a day and of a customer are those at `since` or later and below `before`, newest first, and no others."""
    between = [each for each in POSITIONS if (since is None or each >= iso(since)) and (before is None or each < before)]
    newest_first = sorted(between, reverse=True)
    for pages, position in (
        log.of_day("w1", NOON.date(), limit=50, before=before, since=since),
        log.of_customer("w1", "c_1", limit=50, before=before, since=since),
    ):
        assert ([f"{iso(page.received_at)}#{page.name}" for page in pages], position) == (newest_first, None)


def test_a_read_since_a_time_goes_on_where_it_stopped(log: Log) -> None:
    """Reads of four pages each, one after another, return every page since that time once, and then end."""
    since = NOON + timedelta(milliseconds=1)
    found: list[str] = []
    before: str | None = None
    while before is not None or not found:
        pages, before = log.of_day("w1", NOON.date(), limit=4, before=before, since=since)
        found += [f"{iso(page.received_at)}#{page.name}" for page in pages]
    assert found == sorted((each for each in POSITIONS if each >= iso(since)), reverse=True)


def test_rejected_events_are_read_since_a_time(moto: None) -> None:
    """Neither older events nor the counters of the day are returned, with a position and without."""
    rejected = DynamoRejectedEvents(empty_table("EventsTable"))
    for number in range(4):
        rejected.keep("w1", NOON + timedelta(seconds=number), f"r{number}", [RejectedEvent(0, number, ERROR)])
    rejected.count("w1", NOON, 4)
    found, position = rejected.of_day("w1", NOON.date(), limit=10, since=NOON + timedelta(seconds=1))
    assert ([each.raw for _, each in found], position) == ([3, 2, 1], None)
    found, _ = rejected.of_day("w1", NOON.date(), limit=10, since=NOON + timedelta(seconds=1), before=found[0][0])
    assert [each.raw for _, each in found] == [2, 1]


def counting_log(pages: int, events: int = 3) -> DynamoLog:
    """A log with so many pages, one for each second before noon, each with so many events."""
    found = DynamoLog(DynamoReceipts(empty_table("EventsTable"), timedelta(days=90)))
    logged = [
        Page(
            "w1", "c_1", NOON - timedelta(seconds=number), f"s{number}", tuple(event_of(wire(uuid=f"{number}-{n}")) for n in range(events))
        )
        for number in range(pages)
    ]
    for part in chunked(logged, 25):
        found.write("w1", part, [])
    return found


def test_the_events_of_a_hundred_pages_are_counted_exactly(moto: None) -> None:
    """A page with three events counts as three up to a hundred pages; of more pages, each counts as one, and that is marked."""
    log = counting_log(101)
    exact = log.counts("w1", NOON - timedelta(seconds=99), NOON)
    assert (exact.is_exact, exact.counted_from) == (True, NOON - timedelta(seconds=99))
    assert dict(exact.counts) == {NOON - timedelta(seconds=number): 3 for number in range(100)}
    bounded = log.counts("w1", NOON - timedelta(seconds=100), NOON)
    assert not bounded.is_exact
    assert sorted(bounded.counts) == sorted((NOON - timedelta(seconds=number), 1) for number in range(101))
    part = log.counts("w1", NOON - timedelta(seconds=5), NOON - timedelta(seconds=3))
    assert dict(part.counts) == {NOON - timedelta(seconds=number): 3 for number in (3, 4, 5)}
    assert log.counts("w2", NOON - timedelta(days=1), NOON).counts == ()


def test_a_count_that_stops_says_from_when_on_it_counted(moto: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With three keys for each partition, every event from `counted_from` on is counted, and not all of those before it."""
    monkeypatch.setattr(events, "COUNTED_KEYS", 3)
    found = counting_log(30, events=1).counts("w1", NOON - timedelta(minutes=1), NOON)
    assert (found.is_exact, len(found.counts)) == (False, 12)
    since = [at for at, _ in found.counts if at >= found.counted_from]
    assert sorted(since) == sorted(at for number in range(30) if (at := NOON - timedelta(seconds=number)) >= found.counted_from)
    assert NOON - timedelta(minutes=1) < found.counted_from < NOON


def test_rejected_events_are_counted_by_minute(moto: None) -> None:
    """Each minute between the two times has the number of its events, kept or not, also over midnight, and no other minute has one."""
    rejected = DynamoRejectedEvents(empty_table("EventsTable"))
    midnight = NOON + timedelta(hours=12)
    for minutes, number in ((-2, 1), (-1, 200), (0, 3), (1, 4), (2, 5)):
        rejected.count("w1", midnight + timedelta(minutes=minutes, seconds=9), number)
    rejected.keep("w1", midnight, "r1", [RejectedEvent(0, 1, ERROR)])
    found = rejected.counts("w1", midnight - timedelta(seconds=30), midnight + timedelta(minutes=1))
    assert found == {midnight + timedelta(minutes=minutes): number for minutes, number in ((-1, 200), (0, 3), (1, 4))}
    assert rejected.counts("w2", midnight, midnight) == {}
