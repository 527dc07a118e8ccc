"""Rejected events in DynamoDB and in the fake: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.ingest_harness import NOW, wire
from tests.fakes.rejected_events import FakeRejectedEvents
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.rejected_events import DynamoRejectedEvents
from waypost.domain.intake.events import Rejected, RejectedEvent
from waypost.domain.values import exact_json

RejectedEvents = DynamoRejectedEvents | FakeRejectedEvents
ERROR = Rejected("bad-event", "event: must not be blank.", "/batch/0/event")


@pytest.fixture(scope="module")
def moto() -> Iterator[None]:
    """AWS in this process."""
    with aws():
        yield


@pytest.fixture
def dynamo(moto: None) -> DynamoRejectedEvents:
    """The empty table."""
    return DynamoRejectedEvents(empty_table("EventsTable"))


@pytest.fixture(params=["DynamoDB", "fake"])
def rejected(request: pytest.FixtureRequest) -> RejectedEvents:
    """Both implementations."""
    found: RejectedEvents = request.getfixturevalue("dynamo") if request.param == "DynamoDB" else FakeRejectedEvents()
    return found


def test_rejected_events_are_counted_by_workspace_and_minute(rejected: RejectedEvents) -> None:
    """A count returns the number of events that were counted before in the same workspace and the same minute."""
    assert rejected.count("w1", NOW, 60) == 0
    assert rejected.count("w1", NOW + timedelta(seconds=30), 60) == 60
    assert rejected.count("w2", NOW, 1) == 0
    assert rejected.count("w1", NOW + timedelta(minutes=1), 5) == 0


@pytest.mark.parametrize(
    "raw",
    [
        "text",
        None,
        7,
        [],
        wire(),
        {"\ud800": "\ud800"},
        exact_json.loads('{"a":1.10,"b":1e400}'),
        exact_json.loads("[" * 100_000 + "]" * 100_000),
    ],
    ids=["text", "null", "number", "array", "event", "lone surrogate", "exact numbers", "deep nesting"],
)
def test_a_rejected_event_is_read_as_it_was_sent(dynamo: DynamoRejectedEvents, raw: Any) -> None:
    """Any JSON value is read back equal, with its error and its place in the batch."""
    dynamo.keep("w1", NOW, "r-1", [RejectedEvent(3, raw, ERROR)])
    [(_, kept)], _ = dynamo.of_day("w1", NOW.date(), limit=10)
    assert kept == RejectedEvent(3, raw, ERROR)


@pytest.mark.parametrize("letter", ["x", "é", "🎉"], ids=["one byte", "two bytes", "four bytes"])
def test_an_event_too_large_for_a_row_is_stored_without_its_content(dynamo: DynamoRejectedEvents, letter: str) -> None:
    """An event above 400 KB, which DynamoDB does not take, is stored with its error alone, and its neighbour in the batch is complete."""
    dynamo.keep("w1", NOW, "r-1", [RejectedEvent(0, wire(payload={"a": letter * 500_000}), ERROR), RejectedEvent(1, "small", ERROR)])
    (_, small), (_, large) = dynamo.of_day("w1", NOW.date(), limit=10)[0]
    assert (small.raw, large.raw, large.error) == ("small", None, ERROR)


def test_a_day_is_read_newest_first_and_in_pages(dynamo: DynamoRejectedEvents) -> None:
    """Two pages together hold every event of the workspace once, newest first, and neither counters nor events of other workspaces."""
    dynamo.count("w1", NOW, 3)
    for minute in range(3):
        dynamo.keep("w1", NOW + timedelta(minutes=minute), f"r-{minute}", [RejectedEvent(place, minute, ERROR) for place in (0, 1)])
    dynamo.keep("w2", NOW, "r-9", [RejectedEvent(0, "other", ERROR)])
    first, position = dynamo.of_day("w1", NOW.date(), limit=4)
    rest, end = dynamo.of_day("w1", NOW.date(), limit=4, before=position)
    assert (position, end) == (first[-1][0], None)
    assert [(each.raw, each.batch_index) for _, each in (*first, *rest)] == [(2, 1), (2, 0), (1, 1), (1, 0), (0, 1), (0, 0)]


def test_a_day_of_large_events_is_read_to_its_end(dynamo: DynamoRejectedEvents) -> None:
    """Seven events of 300 KB, of which DynamoDB returns three at a time, are all read by the positions that the reads return."""
    for number in range(7):
        dynamo.keep("w1", NOW, "r-1", [RejectedEvent(number, {"note": "x" * 300_000}, ERROR)])
    found: list[int] = []
    position: str | None = None
    while position is not None or not found:
        part, position = dynamo.of_day("w1", NOW.date(), limit=100, before=position)
        assert len(part) < 7
        found += [each.batch_index for _, each in part]
    assert found == [6, 5, 4, 3, 2, 1, 0]


def test_rejected_events_and_counters_expire_after_seven_days(dynamo: DynamoRejectedEvents) -> None:
    """The row of an event and the row of a counter both have a TTL of seven days."""
    dynamo.keep("w1", NOW, "r-1", [RejectedEvent(0, "bad", ERROR)])
    dynamo.count("w1", NOW, 1)
    rows = list(dynamo.table.query_all("id = :id", {":id": "rejected#w1#2026-11-23"}))
    assert {row["expires"] for row in rows} == {int((NOW + timedelta(days=7)).timestamp())}
    assert len(rows) == 2
