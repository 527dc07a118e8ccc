"""Schemas in DynamoDB, and in the fake: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.tables import aws, fresh
from tests.fakes.workspaces import FakeWorkspaces
from waypost.adapters.dynamodb.workspaces import DynamoWorkspaces
from waypost.domain.customers.schema import Schema
from waypost.domain.errors import StaleError

Workspaces = DynamoWorkspaces | FakeWorkspaces

SCHEMA = Schema.model_validate({"primaryKey": {"name": "é", "type": "Number"}, "attributes": {"age": "Number"}, "timezone": "Europe/Oslo"})


@pytest.fixture(params=["DynamoDB", "fake"])
def workspaces(request: pytest.FixtureRequest) -> Iterator[Workspaces]:
    """Both sides of the contract."""
    if request.param == "fake":
        yield FakeWorkspaces()
        return
    with aws():
        yield DynamoWorkspaces(fresh("WorkspacesTable"))


def test_a_schema_comes_back_as_it_was_saved(workspaces: Workspaces) -> None:
    """Each workspace has its own; the empty one where none was saved; the last one counts."""
    assert workspaces.schema("w1") == Schema()
    workspaces.save_schema("w1", Schema(timezone="UTC"))
    workspaces.save_schema("w1", SCHEMA)
    assert workspaces.schema("w1") == SCHEMA
    assert workspaces.schema("w2") == Schema()


def test_a_workspace_is_made_once(workspaces: Workspaces) -> None:
    """Its id is taken from then on."""
    workspaces.add("w1", "Shop", "2026-11-23T05:17:13.000Z")
    with pytest.raises(StaleError):
        workspaces.add("w1", "Other", "2026-11-23T05:17:13.000Z")
