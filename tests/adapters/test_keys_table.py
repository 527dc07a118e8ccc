"""Keys in DynamoDB, and in the fake: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.keys import FakeKeys, stored
from tests.fakes.tables import aws, fresh
from waypost.adapters.dynamodb.keys import DynamoKeys
from waypost.domain.errors import StaleError

Keys = DynamoKeys | FakeKeys


@pytest.fixture(params=["DynamoDB", "fake"])
def keys(request: pytest.FixtureRequest) -> Iterator[Keys]:
    """Both sides of the contract."""
    if request.param == "fake":
        yield FakeKeys()
        return
    with aws():
        yield DynamoKeys(fresh("KeysTable"))


def test_a_key_comes_back_as_it_was_added(keys: Keys) -> None:
    """Every field; an unknown one is none."""
    key = stored(scopes=frozenset({"admin", "events"}), expires_at=datetime(2027, 1, 1, tzinfo=UTC), last_used_on="2026-11-23")
    keys.add(key)
    assert keys.find(key.hash) == key
    assert keys.find("other") is None


def test_a_key_exists_once_in_all_workspaces(keys: Keys) -> None:
    """Else an imported key could take over another workspace's apps."""
    keys.add(stored())
    with pytest.raises(StaleError):
        keys.add(stored(workspace="w2"))
    found = keys.find(stored().hash)
    assert found is not None
    assert found.workspace == "w1"


def test_a_revoked_key_is_gone_and_noting_its_use_does_not_bring_it_back(keys: Keys) -> None:
    """A last use is noted on a key that is there."""
    keys.add(stored())
    keys.used(stored().hash, "2026-11-23")
    assert keys.find(stored().hash) == stored(last_used_on="2026-11-23")
    keys.remove(stored().hash)
    with pytest.raises(StaleError):
        keys.used(stored().hash, "2026-11-24")
    assert keys.find(stored().hash) is None


def test_a_workspaces_keys_are_listed_newest_first(keys: Keys) -> None:
    """And nobody else's."""
    for number in range(3):
        keys.add(stored(f"key-number-{number:020}", id=f"k_{number}", created_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)))
    keys.add(stored(workspace="w2"))
    assert [key.id for key in keys.all("w1")] == ["k_2", "k_1", "k_0"]
