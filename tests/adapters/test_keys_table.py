"""API keys in DynamoDB and in the fake: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.keys import FakeKeys, stored
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.keys import DynamoKeys
from waypost.domain.errors import StaleError

Keys = DynamoKeys | FakeKeys


@pytest.fixture(params=["DynamoDB", "fake"])
def keys(request: pytest.FixtureRequest) -> Iterator[Keys]:
    """Both implementations."""
    if request.param == "fake":
        yield FakeKeys()
        return
    with aws():
        yield DynamoKeys(empty_table("KeysTable"))


def test_a_key_is_read_as_it_was_added(keys: Keys) -> None:
    """Every field of a key is read back equal, and an unknown hash finds no key."""
    key = stored(scopes=frozenset({"admin", "events"}), expires_at=datetime(2027, 1, 1, tzinfo=UTC), last_used_on="2026-11-23")
    keys.add(key)
    assert keys.find(key.hash) == key
    assert keys.find("other") is None


def test_a_key_can_be_added_once_in_all_workspaces(keys: Keys) -> None:
    """Adding a key that another workspace has raises StaleError, and the key stays in its workspace."""
    keys.add(stored())
    with pytest.raises(StaleError):
        keys.add(stored(workspace="w2"))
    found = keys.find(stored().hash)
    assert found is not None
    assert found.workspace == "w1"


def test_recording_the_use_of_a_revoked_key_does_not_restore_it(keys: Keys) -> None:
    """The day of use is stored for an existing key; for a revoked one it raises StaleError and the key stays revoked."""
    keys.add(stored())
    keys.used(stored().hash, "2026-11-23")
    assert keys.find(stored().hash) == stored(last_used_on="2026-11-23")
    keys.remove(stored().hash)
    with pytest.raises(StaleError):
        keys.used(stored().hash, "2026-11-24")
    assert keys.find(stored().hash) is None


def test_the_keys_of_a_workspace_are_listed_newest_first(keys: Keys) -> None:
    """The list holds the keys of this workspace and no other one, the newest first."""
    for number in range(3):
        keys.add(stored(f"key-number-{number:020}", id=f"k_{number}", created_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)))
    keys.add(stored(workspace="w2"))
    assert [key.id for key in keys.all("w1")] == ["k_2", "k_1", "k_0"]
