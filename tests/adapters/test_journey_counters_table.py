"""The numbers of journeys, in DynamoDB and in the fake: one contract for both."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.costs.tables import size
from tests.fakes.journey_counters import FakeJourneyCounters
from tests.fakes.messages import NOW
from tests.fakes.tables import aws, empty_table
from waypost.adapters.aws import client
from waypost.adapters.dynamodb import journey_counters
from waypost.adapters.dynamodb.items import Item, serialize
from waypost.adapters.dynamodb.journey_counters import DynamoJourneyCounters
from waypost.adapters.dynamodb.table import Table
from waypost.domain.reasons import Reason
from waypost.domain.runs.edges import EdgePlace
from waypost.domain.runs.journey_counts import ConversionCounts, Conversions, CountedVersion, ExperimentBranchPlace, JourneyCounts

Counters = DynamoJourneyCounters | FakeJourneyCounters
DAY = timedelta(days=1)
VERSION = CountedVersion("w1", "welcome", 2)
COUNTS = JourneyCounts(
    entered=3,
    finished=1,
    failed_writes=1,
    exited=Counter({Reason.EXIT_EVENT: 2, Reason.MERGED: 1}),
    ignored=Counter({Reason.ALREADY_ENTERED: 4}),
    edges=Counter({EdgePlace(0, 0): 3, EdgePlace(11, 1): 2}),
)


@pytest.fixture
def table() -> Iterator[Table]:
    """The empty table."""
    with aws():
        yield empty_table("RunsTable")


@pytest.fixture(params=["DynamoDB", "fake"])
def counters(request: pytest.FixtureRequest) -> Counters:
    """Both implementations."""
    return DynamoJourneyCounters(request.getfixturevalue("table")) if request.param == "DynamoDB" else FakeJourneyCounters()


def twice(counts: JourneyCounts) -> JourneyCounts:
    """The sum of counts and the same counts."""
    both = JourneyCounts()
    both.add(counts)
    both.add(counts)
    return both


def test_what_was_added_is_summed_up(counters: Counters) -> None:
    """Numbers that are added to one day and to two days add up; another version, journey and workspace have none of them."""
    counters.add(VERSION, COUNTS, NOW)
    assert counters.days(VERSION, None) == (COUNTS, True)
    counters.add(VERSION, COUNTS, NOW + DAY)
    assert counters.days(VERSION, None) == (twice(COUNTS), True)
    for other in (VERSION._replace(version=1), VERSION._replace(version=22), VERSION._replace(journey="other"), ("w2", "welcome", 2)):
        assert counters.days(CountedVersion(*other), None) == (JourneyCounts(), True)


def test_days_are_those_since_one(counters: Counters) -> None:
    """The day of `since` is included, and the days before it are not; counting began with the first number of any day."""
    assert counters.counted_from(VERSION) is None
    for days in (0, 1, 2):
        counters.add(VERSION, COUNTS, NOW + days * DAY)
    assert counters.days(VERSION, (NOW + DAY).date()) == (twice(COUNTS), True)
    assert counters.days(VERSION, (NOW + 3 * DAY).date()) == (JourneyCounts(), True)
    assert counters.counted_from(VERSION) == NOW


def test_numbers_of_an_experiment(counters: Counters) -> None:
    """The branches of one experiment have numbers of their own, which the numbers of the days and of another experiment do not contain."""
    first, second = ExperimentBranchPlace(1, 0), ExperimentBranchPlace(1, 1)
    counters.add_conversions(VERSION, first, ConversionCounts(2, Counter({3: 2, 12: 1})), NOW)
    counters.add_conversions(VERSION, first, ConversionCounts(1, Counter({3: 1})), NOW + DAY)
    counters.add_conversions(VERSION, second, ConversionCounts(1), NOW + DAY)
    counters.add_conversions(VERSION, ExperimentBranchPlace(11, 0), ConversionCounts(9), NOW)
    expected = {0: ConversionCounts(3, Counter({3: 3, 12: 1})), 1: ConversionCounts(1)}
    assert counters.conversions(VERSION, 1) == Conversions(expected, NOW, complete=True)
    assert counters.conversions(VERSION, 2) == Conversions({}, None, complete=True)
    assert counters.days(VERSION, None) == (JourneyCounts(), True)


def test_more_numbers_than_one_call_takes_are_all_added(table: Table) -> None:
    """250 edges are added in three calls, of at most 100 numbers each, and all of them are there."""
    counts = JourneyCounts(edges=Counter({EdgePlace(place, 0): place + 1 for place in range(250)}))
    calls: list[str] = []
    client("dynamodb").meta.events.register("before-call", lambda model, **_: calls.append(model.name))
    DynamoJourneyCounters(table).add(VERSION, counts, NOW)
    assert calls == ["UpdateItem"] * 3
    assert DynamoJourneyCounters(table).days(VERSION, None).counts == counts


def test_a_repeated_request_adds_once(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that botocore repeats because its answer was lost adds nothing the second time, and raises nothing."""
    monkeypatch.setattr(secrets, "token_hex", lambda size: "a" * size)
    DynamoJourneyCounters(table).add(VERSION, COUNTS, NOW)
    DynamoJourneyCounters(table).add(VERSION, COUNTS, NOW)
    assert DynamoJourneyCounters(table).days(VERSION, None).counts == COUNTS


def test_a_reason_of_a_newer_release_is_left_out(table: Table) -> None:
    """After a rollback, numbers with names that this release does not know are no fault."""
    DynamoJourneyCounters(table).add(VERSION, JourneyCounts(entered=1), NOW)
    [key] = rows(table)
    table.update(
        {name: key[name] for name in ("customer", "row")},
        UpdateExpression="ADD #new :one, #other :one",
        ExpressionAttributeNames={"#new": "exited.moon", "#other": "eclipse"},
        ExpressionAttributeValues={":one": 1},
    )
    assert DynamoJourneyCounters(table).days(VERSION, None).counts == JourneyCounts(entered=1)


def test_a_read_is_bounded(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more pages than one request reads, the newest days are summed up, and the numbers are marked as a part."""
    counters = DynamoJourneyCounters(table)
    for days in range(5):
        counters.add(VERSION, JourneyCounts(entered=10**days), NOW + days * DAY)
    pages: list[Item] = []
    query = Table.query

    def short_page(self: Table, *args: object, **options: object) -> tuple[list[Item], Item | None]:
        pages.append({})
        return query(self, *args, **{**options, "Limit": 1})  # type: ignore[arg-type]

    monkeypatch.setattr(Table, "query", short_page)
    monkeypatch.setattr(journey_counters, "MAX_PAGES", 2)
    assert counters.days(VERSION, None) == (JourneyCounts(entered=11_000), False)
    assert len(pages) <= 3


def test_a_usual_row_is_one_write_unit_and_the_largest_stays_far_below_the_limit(table: Table) -> None:
    """Twenty steps with thirty edges fit into 1 KB. 8,500 edges, more than a definition of 200 KB has, fit into 120 KB of the 400."""
    counters = DynamoJourneyCounters(table)
    usual = JourneyCounts(10**6, 10**6, 0, Counter(dict.fromkeys(list(Reason)[:5], 10**6)), Counter(dict.fromkeys(list(Reason)[:5], 10**6)))
    usual.edges.update({EdgePlace(place % 20, place // 20): 10**6 for place in range(30)})
    counters.add(VERSION, usual, NOW)
    [row] = rows(table)
    assert size(serialize(row)) <= 1024
    edges = {f"e{place % 200}.{place // 200}": 10**9 for place in range(8_500)}
    assert size(serialize({**row, **edges})) <= 120 * 1024
    goals = {f"g{number}": 10**9 for number in range(8_700)}
    assert size(serialize({**row, **goals})) <= 120 * 1024


def rows(table: Table) -> list[Item]:
    """All rows of the version."""
    return list(table.query_all("customer = :version", {":version": "w1#counts#welcome#2"}))
