"""The settings of workspaces in DynamoDB and in the fake: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.tables import aws, empty_table
from tests.fakes.workspaces import FakeWorkspaceSettings
from waypost.adapters.dynamodb.workspace_settings import DynamoWorkspaceSettings
from waypost.domain.errors import StaleError
from waypost.domain.messages.workspace_settings import StoredSettings, WorkspaceSettings

Store = DynamoWorkspaceSettings | FakeWorkspaceSettings


@pytest.fixture(params=["DynamoDB", "fake"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Both implementations, empty."""
    with aws():
        yield DynamoWorkspaceSettings(empty_table("WorkspacesTable")) if request.param == "DynamoDB" else FakeWorkspaceSettings()


def test_settings_are_read_as_they_were_saved(store: Store) -> None:
    """A workspace has the default settings until some are saved; another workspace is not affected."""
    settings = WorkspaceSettings(senders=("news@shop.example", "@münchen.example"))
    assert store.read("w1") == StoredSettings(WorkspaceSettings(), 0)
    assert store.save("w1", settings, 0) == 1
    assert store.read("w1") == StoredSettings(settings, 1)
    assert store.read("w2") == StoredSettings(WorkspaceSettings(), 0)


def test_settings_of_a_newer_release_are_left_out() -> None:
    """A setting that this release does not know hides none of the others."""
    with aws():
        table = empty_table("WorkspacesTable")
        table.put({"workspace": "w1", "row": "settings", "json": '{"senders":["a@shop.example"],"colours":{}}', "rev": 7})
        stored = DynamoWorkspaceSettings(table).read("w1")
    assert stored == StoredSettings(WorkspaceSettings(senders=("a@shop.example",)), 7)


def test_of_two_changes_of_one_revision_one_is_saved(store: Store) -> None:
    """A change of a revision that is not the stored one is refused, and nothing is overwritten."""
    store.save("w1", WorkspaceSettings(senders=("a@shop.example",)), 0)
    for revision in (0, 2):
        with pytest.raises(StaleError):
            store.save("w1", WorkspaceSettings(), revision)
    assert store.read("w1").settings.senders == ("a@shop.example",)
