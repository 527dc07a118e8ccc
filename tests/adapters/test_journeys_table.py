"""Journeys in DynamoDB and in the fake: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.fakes.definitions import FakeDefinitions
from tests.fakes.journeys import journey
from tests.fakes.tables import aws, empty_table
from waypost.adapters.aws import client
from waypost.adapters.dynamodb import journeys as journeys_table
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.journeys import DynamoJourneys
from waypost.adapters.dynamodb.table import Table
from waypost.domain.errors import StaleError
from waypost.domain.journeys.lifecycle import Lifecycle, VersionTimes, pointed
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion
from waypost.ports import ManagedJourneys

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
DRAFT = Lifecycle("welcome", "Welcome", NOW, NOW, version=1)
WELCOME = journey("welcome").model_dump(by_alias=True, mode="json", exclude_none=True)


@pytest.fixture
def dynamo() -> Iterator[DynamoJourneys]:
    """The empty table."""
    with aws():
        yield DynamoJourneys(empty_table("JourneysTable"))


@pytest.fixture(params=["DynamoDB", "fake"])
def store(request: pytest.FixtureRequest) -> ManagedJourneys:
    """Both implementations."""
    found: ManagedJourneys = request.getfixturevalue("dynamo") if request.param == "DynamoDB" else FakeDefinitions()
    return found


def read(store: ManagedJourneys) -> Lifecycle:
    """The stored lifecycle of the journey `welcome`."""
    found = store.lifecycle("w1", "welcome")
    assert found is not None
    return found


def test_a_draft_is_read_as_it_was_saved(store: ManagedJourneys) -> None:
    """The definition is read back with every digit of its numbers and with its members in their order."""
    definition = {"id": "welcome", "steps": [], "odd": Decimal("2.50"), "text": "héé\u2028"}
    store.save_draft("w1", DRAFT, definition)
    assert read(store) == replace(DRAFT, revision=1)
    assert store.definition("w1", "welcome", 1) == definition
    assert list(store.definition("w1", "welcome", 1)) == list(definition)


def test_a_new_version_leaves_the_earlier_ones(store: ManagedJourneys) -> None:
    """After a second draft was saved, both definitions can be read: runs of the first version still need it."""
    store.save_draft("w1", DRAFT, {"id": "welcome", "name": "one"})
    store.save_draft("w1", read(store).saved("two", NOW), {"id": "welcome", "name": "two"})
    assert [store.definition("w1", "welcome", version)["name"] for version in (1, 2)] == ["one", "two"]


def test_a_deleted_draft_leaves_nothing_behind(store: ManagedJourneys) -> None:
    """A journey that is made again under the id of a deleted one begins with version 1 and its own definition."""
    store.save_draft("w1", DRAFT, {"name": "one"})
    for _ in range(30):
        store.save_draft("w1", read(store).saved("more", NOW), {"name": "more"})
    store.delete_draft("w1", read(store))
    assert store.lifecycle("w1", "welcome") is None
    assert store.all("w1") == []
    for number in (1, 2, 31):
        with pytest.raises(LookupError):
            store.definition("w1", "welcome", number)
    assert store.version_times("w1", "welcome", 1, 31) == {}
    store.save_draft("w1", DRAFT, {"name": "again"})
    assert store.definition("w1", "welcome", 1) == {"name": "again"}


def test_a_draft_that_was_changed_meanwhile_is_not_deleted(store: ManagedJourneys) -> None:
    """A publication or a newer draft between reading and deleting makes the deletion fail, and all definitions stay."""
    store.save_draft("w1", DRAFT, {"name": "one"})
    store.save_draft("w1", read(store).saved("two", NOW), {"name": "two"})
    outdated = read(store)
    store.publish("w1", outdated.publishing(NOW), ActiveJourneys(0, ()))
    with pytest.raises(StaleError):
        store.delete_draft("w1", outdated)
    assert read(store).published_version == 2
    assert [store.definition("w1", "welcome", version)["name"] for version in (1, 2)] == ["one", "two"]


def test_a_draft_over_an_outdated_reading_is_refused(store: ManagedJourneys) -> None:
    """The second of two people who save at the same time gets StaleError, and the first draft stays as it is."""
    store.save_draft("w1", DRAFT, {"name": "one"})
    with pytest.raises(StaleError):
        store.save_draft("w1", DRAFT, {"name": "two"})
    assert store.definition("w1", "welcome", 1) == {"name": "one"}


def test_a_draft_of_a_deleted_journey_does_not_replace_a_new_one(store: ManagedJourneys) -> None:
    """A journey that is made again under the id of a deleted one has its revision, and is neither overwritten nor deleted in its place."""
    store.save_draft("w1", DRAFT, {"name": "one"})
    of_deleted = read(store)
    store.delete_draft("w1", of_deleted)
    store.save_draft("w1", replace(DRAFT, created_at=NOW + timedelta(seconds=1)), {"name": "again"})
    assert read(store).revision == of_deleted.revision
    with pytest.raises(StaleError):
        store.save_draft("w1", of_deleted.saved("two", NOW), {"name": "two"})
    with pytest.raises(StaleError):
        store.delete_draft("w1", of_deleted)
    assert (read(store).version, store.definition("w1", "welcome", 1)) == (1, {"name": "again"})


def test_versions_have_the_times_at_which_they_were_saved_and_published(store: ManagedJourneys) -> None:
    """Only the versions between two numbers are returned, and a change of the status after a publication keeps its time."""
    later, last = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    store.save_draft("w1", DRAFT, WELCOME)
    store.save_draft("w1", read(store).saved("two", later), WELCOME)
    store.publish("w1", read(store).publishing(last), ActiveJourneys(0, ()), last)
    store.save_draft("w1", read(store).saved("three", last), WELCOME)
    paused = read(store).moved("pause", last + timedelta(hours=1))
    assert paused is not None
    store.publish("w1", paused, store.pointer("w1"))
    store.save_draft("w1", replace(DRAFT, id="welcome2"), WELCOME)
    times = {1: VersionTimes(NOW), 2: VersionTimes(later, last), 3: VersionTimes(last)}
    assert store.version_times("w1", "welcome", 1, 9) == times
    assert store.version_times("w1", "welcome", 2, 2) == {2: times[2]}
    assert store.version_times("w2", "welcome", 1, 9) == {}


def test_a_version_of_an_older_release_has_the_time_of_its_publication(dynamo: DynamoJourneys) -> None:
    """A version that was saved without a row for its times is published all the same, and only its publication is known."""
    dynamo.save_draft("w1", DRAFT, WELCOME)
    dynamo.table.delete({"workspace": "w1", "row": "times#welcome#000001"})
    dynamo.publish("w1", read(dynamo).publishing(NOW), ActiveJourneys(0, ()), NOW)
    assert dynamo.version_times("w1", "welcome", 1, 1) == {1: VersionTimes(None, NOW)}


def test_publishing_writes_lifecycle_and_active_journeys_together(store: ManagedJourneys) -> None:
    """After publishing, the journey is published and its version is in the list of active journeys."""
    store.save_draft("w1", DRAFT, WELCOME)
    store.publish("w1", read(store).publishing(NOW), pointed(store.pointer("w1"), "welcome", 1, (), NOW, None))
    assert store.pointer("w1") == ActiveJourneys(1, (ActiveVersion("welcome", 1, "published"),))
    assert (read(store).status, read(store).published_version) == ("published", 1)


def test_publishing_over_an_outdated_list_of_active_journeys_is_refused(store: ManagedJourneys) -> None:
    """Of two journeys published at the same time the second gets StaleError and stays a draft; the first stays in the list."""
    stale = store.pointer("w1")
    for name in ("welcome", "other"):
        store.save_draft("w1", replace(DRAFT, id=name), WELCOME)
    store.publish("w1", read(store).publishing(NOW), pointed(stale, "welcome", 1, (), NOW, None))
    other = store.lifecycle("w1", "other")
    assert other is not None
    with pytest.raises(StaleError):
        store.publish("w1", other.publishing(NOW), pointed(stale, "other", 1, (), NOW, None))
    assert store.lifecycle("w1", "other") == other
    assert [each.journey for each in store.pointer("w1").active] == ["welcome"]


def test_a_workspace_reads_its_own_journeys_only(store: ManagedJourneys) -> None:
    """A journey with the same id in another workspace is another journey, and an empty workspace has none."""
    store.save_draft("w1", DRAFT, WELCOME)
    store.save_draft("w2", replace(DRAFT, name="Other"), WELCOME)
    assert [each.name for each in store.all("w1")] == ["Welcome"]
    assert store.lifecycle("w3", "welcome") is None
    assert store.pointer("w3") == ActiveJourneys(0, ())


def test_a_version_is_read_and_parsed_once(dynamo: DynamoJourneys) -> None:
    """The second read of a version returns the same object although the table has gone: versions never change."""
    dynamo.save_draft("w1", DRAFT, WELCOME)
    first = dynamo.version("w1", "welcome", 1)
    client("dynamodb").delete_table(TableName=dynamo.table.name)
    assert dynamo.version("w1", "welcome", 1) is first
    assert first.entry.event == "signed_up"


def test_an_unknown_version_is_a_lookup_error(dynamo: DynamoJourneys) -> None:
    """A version that does not exist raises LookupError, also for its definition, and then names journey and version."""
    with pytest.raises(LookupError):
        dynamo.version("w1", "welcome", 1)
    with pytest.raises(LookupError, match="version 1 of welcome"):
        dynamo.definition("w1", "welcome", 1)


def test_more_versions_than_one_call_reads_are_all_read(dynamo: DynamoJourneys) -> None:
    """101 versions, of which one call reads 100, are all returned in the order in which they were requested."""
    for number in range(101):
        dynamo.save_draft("w1", replace(DRAFT, id=f"j{number}"), journey(f"j{number}").model_dump(by_alias=True, exclude_none=True))
    wanted = [(f"j{number}", 1) for number in range(101)]
    assert [each.id for each in dynamo.versions("w1", wanted).values()] == [name for name, _ in wanted]


def test_when_entries_begin_is_read_as_it_was_saved(store: ManagedJourneys) -> None:
    """The journey and the list of active versions both know from when events enter the new version, and which one they enter before."""
    store.save_draft("w1", DRAFT, WELCOME)
    begin = NOW + timedelta(seconds=6)
    active = ActiveVersion("welcome", 1, "published", ("paid",), begin, 7), ActiveVersion("other", 1, "paused")
    store.publish("w1", read(store).publishing(NOW, timedelta(seconds=6)), ActiveJourneys(0, active))
    assert store.pointer("w1").active == active
    assert read(store).entries_from == begin


def test_a_version_that_is_missing_or_does_not_parse_is_left_out(dynamo: DynamoJourneys) -> None:
    """The other versions are read all the same."""
    dynamo.save_draft("w1", DRAFT, WELCOME)
    dynamo.save_draft("w1", replace(DRAFT, id="broken"), {"id": "broken"})
    wanted = [("welcome", 1), ("broken", 1), ("missing", 1)]
    assert list(dynamo.versions("w1", wanted)) == [("welcome", 1)]
    for broken in ("broken", "missing"):
        with pytest.raises(LookupError):
            dynamo.version("w1", broken, 1)


@pytest.mark.parametrize("definition", [b"damaged", "{", None], ids=["damaged", "no JSON", "absent"])
def test_a_version_whose_row_is_damaged_is_left_out(dynamo: DynamoJourneys, definition: object) -> None:
    """A definition that is not even JSON stops its own journey only."""
    dynamo.save_draft("w1", DRAFT, WELCOME)
    dynamo.table.put({"workspace": "w1", "row": "version#broken#000001", "definition": definition})
    assert list(dynamo.versions("w1", [("broken", 1), ("welcome", 1)])) == [("welcome", 1)]


def test_a_version_that_another_thread_evicts_meanwhile_is_returned(dynamo: DynamoJourneys, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory is full, and while one thread reads the version that it lacks, another evicts the version that it has."""
    monkeypatch.setattr(journeys_table, "MAX_PARSED_VERSIONS", 1)
    for name in ("first", "second", "third"):
        dynamo.save_draft("w1", replace(DRAFT, id=name), journey(name).model_dump(by_alias=True, mode="json", exclude_none=True))
    dynamo.versions("w1", [("first", 1)])
    get_many = Table.get_many

    def evict_meanwhile(table: Table, keys: Sequence[Item]) -> list[Item]:
        monkeypatch.setattr(Table, "get_many", get_many)
        dynamo.versions("w1", [("third", 1)])
        return get_many(table, keys)

    monkeypatch.setattr(Table, "get_many", evict_meanwhile)
    assert list(dynamo.versions("w1", [("first", 1), ("second", 1)])) == [("first", 1), ("second", 1)]


def test_threads_may_read_versions_at_the_same_time(dynamo: DynamoJourneys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight threads that read and evict versions all the time get what they want."""
    monkeypatch.setattr(journeys_table, "MAX_PARSED_VERSIONS", 2)
    names = [f"j{number}" for number in range(6)]
    monkeypatch.setattr(Table, "get_many", lambda _, keys: keys)
    monkeypatch.setattr(journeys_table, "_parsed", lambda item: journey(item["row"].split("#")[1]))

    def read(number: int) -> int:
        wanted = [(names[(number + place) % len(names)], 1) for place in range(3)]
        return sum(len(dynamo.versions("w1", wanted)) for _ in range(200))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(read, range(8))) == [600] * 8
