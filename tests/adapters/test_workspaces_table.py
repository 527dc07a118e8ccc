"""Workspaces and schemas in DynamoDB and in the fake: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes.tables import aws, empty_table
from tests.fakes.workspaces import FakeWorkspaces
from waypost.adapters.dynamodb.conditions import FailedCondition
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table
from waypost.adapters.dynamodb.workspaces import DynamoWorkspaces
from waypost.domain.customers.schema import Schema, StoredSchema
from waypost.domain.errors import StaleError
from waypost.domain.values import exact_json

Workspaces = DynamoWorkspaces | FakeWorkspaces

SCHEMA = Schema.model_validate({"primaryKey": {"name": "é", "type": "Number"}, "attributes": {"age": "Number"}, "timezone": "Europe/Oslo"})
CREATED_AT = "2026-11-23T05:17:13.000Z"


@pytest.fixture
def dynamo() -> Iterator[DynamoWorkspaces]:
    """The empty table."""
    with aws():
        yield DynamoWorkspaces(empty_table("WorkspacesTable"))


@pytest.fixture(params=["DynamoDB", "fake"])
def workspaces(request: pytest.FixtureRequest) -> Workspaces:
    """Both implementations."""
    found: Workspaces = request.getfixturevalue("dynamo") if request.param == "DynamoDB" else FakeWorkspaces()
    return found


def test_a_schema_is_read_as_it_was_saved_last(workspaces: Workspaces) -> None:
    """Each workspace has its own schema: the one that was saved last, or the empty one."""
    assert workspaces.schema("w1") == Schema()
    workspaces.save_schema("w1", Schema(timezone="UTC"))
    workspaces.save_schema("w1", SCHEMA)
    assert workspaces.schema("w1") == SCHEMA
    assert workspaces.schema("w2") == Schema()


def test_a_schema_is_replaced_only_if_it_is_the_one_that_was_read(workspaces: Workspaces) -> None:
    """A schema that another worker has replaced since it was read is kept; the repeat of a write whose answer was lost succeeds."""
    none = workspaces.stored_schema("w1")
    assert none == (Schema(), "")
    first = workspaces.save_schema("w1", SCHEMA, none)
    assert workspaces.save_schema("w1", SCHEMA, none) == first == workspaces.stored_schema("w1")
    other = Schema(timezone="Europe/Oslo")
    for stale in (none, StoredSchema(SCHEMA, "{}")):
        with pytest.raises(StaleError):
            workspaces.save_schema("w1", other, stale)
    assert workspaces.schema("w1") == SCHEMA
    workspaces.save_schema("w1", other, first)
    assert workspaces.schema("w1") == other


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("localtime", "UTC"),
        ("posixrules", "UTC"),
        ("right/Europe/Oslo", "Europe/Oslo"),
        ("posix/Europe/Oslo", "Europe/Oslo"),
        ("UCT", "UCT"),
    ],
)
def test_a_stored_zone_that_can_no_longer_be_saved_is_still_read(dynamo: DynamoWorkspaces, stored: str, read: str) -> None:
    """A schema that an earlier release saved with the name of a file of zones does not stop its workspace."""
    dynamo.table.put({"workspace": "w1", "row": "schema", "json": exact_json.dumps({"attributes": {"age": "Number"}, "timezone": stored})})
    assert dynamo.schema("w1") == Schema(attributes={"age": "Number"}, timezone=read)


def test_a_workspace_is_created_once(workspaces: Workspaces) -> None:
    """Creating a workspace with the id of another one raises StaleError."""
    workspaces.add("w1", "Shop", CREATED_AT)
    with pytest.raises(StaleError):
        workspaces.add("w1", "Other", CREATED_AT)


def test_a_second_creation_leaves_the_tombstone_key(dynamo: DynamoWorkspaces) -> None:
    """A failed second creation changes neither the time of creation nor the tombstone key, and each workspace has a key of its own."""
    dynamo.add("w1", "Shop", CREATED_AT)
    dynamo.add("w2", "Shop", CREATED_AT)
    key = dynamo.tombstone_key("w1")
    with pytest.raises(StaleError):
        dynamo.add("w1", "Other", "2027-01-01T00:00:00.000Z")
    assert dynamo.created_at("w1") == datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
    assert dynamo.tombstone_key("w1") == key != dynamo.tombstone_key("w2")


def test_an_unknown_workspace_is_a_lookup_error(dynamo: DynamoWorkspaces) -> None:
    """A workspace that does not exist has no tombstone key: hashing with an empty one would make tombstones that anybody can compute."""
    with pytest.raises(LookupError):
        dynamo.tombstone_key("w1")
    with pytest.raises(LookupError):
        dynamo.created_at("w1")


def test_a_workspace_whose_answer_was_lost_is_created(dynamo: DynamoWorkspaces, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a lost answer botocore repeats a write, and the repeat fails on the row of the first one: that is no conflict."""
    write = Table.put_if

    def write_twice(table: Table, item: Item, **condition: Any) -> FailedCondition | None:
        write(table, item, **condition)
        return write(table, item, **condition)

    monkeypatch.setattr(Table, "put_if", write_twice)
    dynamo.add("w1", "Acme", CREATED_AT)
    with pytest.raises(StaleError):
        dynamo.add("w1", "Acme", CREATED_AT)
