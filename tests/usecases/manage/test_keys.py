"""Keys: made, imported, revoked; workspaces with their first one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.keys import FakeKeys
from tests.fakes.workspaces import FakeWorkspaces
from waypost.domain.api_keys import Key, Scope, key_hash
from waypost.domain.errors import RefusedError
from waypost.manage import keys
from waypost.manage.keys import NewKey

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
TEXT = "M4jxXt6diYz1Dds1YmhHe93KGPAUi24PlXgaiRXi"


def made(store: FakeKeys, text: str = TEXT, scope: Scope = "events", workspace: str = "w1", expires_at: datetime | None = None) -> Key:
    """A key that was just made."""
    return keys.add(store, workspace, NewKey(text, "app", frozenset({scope}), expires_at), NOW)


def refusal(refused: pytest.ExceptionInfo[RefusedError]) -> tuple[int, str]:
    """Status and code."""
    return refused.value.status, refused.value.code


def test_an_imported_key_opens_the_door_and_is_not_kept() -> None:
    """Apps that were shipped with a key of Laudspeaker go on working; we hold only its hash and its first characters."""
    store = FakeKeys()
    key = made(store)
    assert store.find(key_hash(TEXT)) == key
    assert (key.prefix, key.allows("events"), key.allows("admin")) == ("M4jxXt6d", True, False)
    assert TEXT not in repr(key)


def test_a_key_belongs_to_one_workspace() -> None:
    """The same key for another workspace is a conflict: the workspace comes from the key."""
    store = FakeKeys()
    made(store)
    with pytest.raises(RefusedError) as refused:
        made(store, workspace="w2")
    assert refusal(refused) == (409, "key-exists")


@pytest.mark.parametrize("text", ["x" * 19, "x" * 201, "with a space inside it", "ümlaut-ümlaut-ümlaut"])
def test_a_text_that_no_header_carries_is_no_key(text: str) -> None:
    """20 to 200 printable ASCII characters."""
    with pytest.raises(RefusedError) as refused:
        made(FakeKeys(), text)
    assert refusal(refused) == (422, "bad-key")


def test_a_key_cannot_be_born_expired() -> None:
    """An expiry in the past is a mistake, not a key."""
    with pytest.raises(RefusedError) as refused:
        made(FakeKeys(), expires_at=NOW)
    assert refusal(refused) == (422, "expired")


def test_the_last_admin_key_stays() -> None:
    """Else a workspace could lock itself out; with another live one it may go."""
    store = FakeKeys()
    admin = made(store, "a" * 20, "admin")
    made(store, "e" * 20)
    made(store, "x" * 20, "admin", expires_at=NOW + timedelta(days=1))
    with pytest.raises(RefusedError) as refused:
        keys.remove(store, "w1", admin.id, NOW + timedelta(days=2))
    assert refusal(refused) == (409, "last-admin-key")
    keys.remove(store, "w1", admin.id, NOW)
    assert store.find(admin.hash) is None


def test_nobody_revokes_a_key_of_another_workspace() -> None:
    """It is answered like a key that is not there."""
    store = FakeKeys()
    key = made(store)
    with pytest.raises(RefusedError) as refused:
        keys.remove(store, "w2", key.id, NOW)
    assert refusal(refused) == (404, "not-found")
    assert store.find(key.hash) is not None


def test_a_workspace_is_made_with_an_admin_key() -> None:
    """The one that all others are made with."""
    store, workspaces = FakeKeys(), FakeWorkspaces()
    key = keys.create_workspace(workspaces, store, "w9", "Acme", TEXT, NOW)
    assert workspaces.names == {"w9": "Acme"}
    assert (key.workspace, key.scopes) == ("w9", frozenset({"admin"}))
