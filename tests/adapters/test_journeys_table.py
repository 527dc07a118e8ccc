"""What holds for journeys wherever they are kept: in DynamoDB and in the fake that the use cases are tested on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import boto3
import pytest
from moto import mock_aws

from tests.fakes.definitions import FakeDefinitions
from tests.fakes.journeys import journey
from waypost.adapters.aws import client
from waypost.adapters.dynamodb.journeys import DynamoJourneys
from waypost.adapters.dynamodb.table import Table
from waypost.domain.errors import StaleError
from waypost.domain.journeys.lifecycle import Lifecycle, pointed
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion
from waypost.ports import ManagedJourneys

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
DRAFT = Lifecycle("welcome", "Welcome", NOW, NOW, version=1)
WELCOME = journey("welcome").model_dump(by_alias=True, mode="json", exclude_none=True)


@pytest.fixture
def dynamo() -> Iterator[DynamoJourneys]:
    """The journeys table of an empty account."""
    with mock_aws():
        client.cache_clear()
        boto3.client("dynamodb").create_table(
            TableName="Journeys",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("workspace", "row")],
            KeySchema=[{"AttributeName": "workspace", "KeyType": "HASH"}, {"AttributeName": "row", "KeyType": "RANGE"}],
        )
        yield DynamoJourneys(Table("Journeys"))
        client.cache_clear()


@pytest.fixture(params=["dynamo", "fake"])
def store(request: pytest.FixtureRequest) -> ManagedJourneys:
    """Each place where journeys are kept."""
    found: ManagedJourneys = request.getfixturevalue("dynamo") if request.param == "dynamo" else FakeDefinitions()
    return found


def read(store: ManagedJourneys) -> Lifecycle:
    """Where the journey `welcome` stands."""
    found = store.lifecycle("w1", "welcome")
    assert found is not None
    return found


def test_a_draft_comes_back_as_it_was_saved(store: ManagedJourneys) -> None:
    """To the last digit of its numbers and the order of its fields."""
    definition = {"id": "welcome", "steps": [], "odd": Decimal("2.50"), "text": "héé\u2028"}
    store.save_draft("w1", DRAFT, definition)
    assert read(store) == replace(DRAFT, revision=1)
    assert store.definition("w1", "welcome", 1) == definition
    assert list(store.definition("w1", "welcome", 1)) == list(definition)


def test_versions_are_kept_side_by_side(store: ManagedJourneys) -> None:
    """A newer draft writes over nothing: runs in the old version still need it."""
    store.save_draft("w1", DRAFT, {"id": "welcome", "name": "one"})
    store.save_draft("w1", read(store).saved("two", NOW), {"id": "welcome", "name": "two"})
    assert [store.definition("w1", "welcome", version)["name"] for version in (1, 2)] == ["one", "two"]


def test_a_draft_that_was_read_earlier_is_refused(store: ManagedJourneys) -> None:
    """Two people who save at the same time do not lose each other's draft unseen."""
    store.save_draft("w1", DRAFT, {"name": "one"})
    with pytest.raises(StaleError):
        store.save_draft("w1", DRAFT, {"name": "two"})
    assert store.definition("w1", "welcome", 1) == {"name": "one"}


def test_publishing_moves_journey_and_pointer_together(store: ManagedJourneys) -> None:
    """The matcher sees the new version with the next read of the pointer."""
    store.save_draft("w1", DRAFT, WELCOME)
    store.publish("w1", read(store).publishing(NOW), pointed(store.pointer("w1"), "welcome", 1))
    assert store.pointer("w1") == ActiveJourneys(1, (ActiveVersion("welcome", 1, "published"),))
    assert (read(store).status, read(store).published_version) == ("published", 1)


def test_a_pointer_that_was_read_earlier_is_refused(store: ManagedJourneys) -> None:
    """Two journeys that are published at the same time are both in force in the end."""
    stale = store.pointer("w1")
    for name in ("welcome", "other"):
        store.save_draft("w1", replace(DRAFT, id=name), WELCOME)
    store.publish("w1", read(store).publishing(NOW), pointed(stale, "welcome", 1))
    other = store.lifecycle("w1", "other")
    assert other is not None
    with pytest.raises(StaleError):
        store.publish("w1", other.publishing(NOW), pointed(stale, "other", 1))
    assert store.lifecycle("w1", "other") == other


def test_a_workspace_sees_its_own_journeys_only(store: ManagedJourneys) -> None:
    """The same id in another workspace is another journey."""
    store.save_draft("w1", DRAFT, WELCOME)
    store.save_draft("w2", replace(DRAFT, name="Other"), WELCOME)
    assert [each.name for each in store.all("w1")] == ["Welcome"]
    assert store.lifecycle("w3", "welcome") is None
    assert store.pointer("w3") == ActiveJourneys(0, ())


def test_a_warm_function_reads_a_version_once(dynamo: DynamoJourneys) -> None:
    """Versions never change, so the second look costs nothing, even while the table is gone."""
    dynamo.save_draft("w1", DRAFT, WELCOME)
    first = dynamo.version("w1", "welcome", 1)
    boto3.client("dynamodb").delete_table(TableName="Journeys")
    assert dynamo.version("w1", "welcome", 1) is first
    assert first.entry.event == "signed_up"


def test_a_version_that_is_not_there_is_named(dynamo: DynamoJourneys) -> None:
    """Never a journey that is only similar."""
    with pytest.raises(LookupError):
        dynamo.version("w1", "welcome", 1)
    with pytest.raises(LookupError, match="version 1 of welcome"):
        dynamo.definition("w1", "welcome", 1)


def test_a_thousand_versions_are_read_in_calls_of_a_hundred(dynamo: DynamoJourneys) -> None:
    """A workspace with many journeys gets all of them."""
    for number in range(101):
        dynamo.save_draft("w1", replace(DRAFT, id=f"j{number}"), journey(f"j{number}").model_dump(by_alias=True, exclude_none=True))
    wanted = [(f"j{number}", 1) for number in range(101)]
    assert [each.id for each in dynamo.versions("w1", wanted).values()] == [name for name, _ in wanted]
