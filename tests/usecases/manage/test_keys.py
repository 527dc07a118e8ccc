"""API keys: added, imported and revoked; and workspaces, each created with its first key."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.keys import TEXT, FakeKeys
from tests.fakes.workspaces import FakeWorkspaces
from waypost.domain.api_keys import Key, Scope, key_hash
from waypost.domain.errors import RefusedError
from waypost.manage import keys
from waypost.manage.administration import WorkspaceAdministration
from waypost.manage.keys import NewKey

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
RANDOM_KEY = "wp_a-random-key-of-the-test"


def add(store: FakeKeys, text: str = TEXT, scope: Scope = "events", workspace: str = "w1", expires_at: datetime | None = None) -> Key:
    """Adds a key."""
    return keys.add(store, workspace, NewKey(text, "app", frozenset({scope}), expires_at), NOW)


def administration() -> WorkspaceAdministration:
    """The administration of empty tables, with a random source that returns constants."""
    return WorkspaceAdministration(FakeWorkspaces(), FakeKeys(), lambda: "w_9", lambda: RANDOM_KEY)


def status_and_code(refused: pytest.ExceptionInfo[RefusedError]) -> tuple[int, str]:
    """Status and code of a refusal."""
    return refused.value.status, refused.value.code


def test_an_imported_key_works_and_only_its_hash_is_stored() -> None:
    """An imported key is found by its hash; what is stored is the hash, the first eight characters and the scopes."""
    store = FakeKeys()
    key = add(store)
    assert store.find(key_hash(TEXT)) == key
    assert (key.prefix, key.allows("events"), key.allows("admin")) == ("M4jxXt6d", True, False)
    assert TEXT not in repr(key)


def test_a_key_belongs_to_one_workspace() -> None:
    """Importing a key that another workspace has is 409, because the workspace of a request comes from its key."""
    store = FakeKeys()
    add(store)
    with pytest.raises(RefusedError) as refused:
        add(store, workspace="w2")
    assert status_and_code(refused) == (409, "key-exists")


def test_a_repeated_import_returns_the_stored_key() -> None:
    """A client that lost the answer, or botocore, can add a key again; with another name, scope or expiry it is 409."""
    store = FakeKeys()
    key = add(store)
    store.keys[key.hash] = replace(key, last_used_on="2026-11-23")
    assert keys.add(store, "w1", NewKey(TEXT, "app", {"events"}), NOW + timedelta(hours=1)) == store.find(key.hash)
    assert len(store.keys) == 1
    for changed in (NewKey(TEXT, "other", {"events"}), NewKey(TEXT, "app", {"admin"}), NewKey(TEXT, "app", {"events"}, LATER)):
        with pytest.raises(RefusedError) as refused:
            keys.add(store, "w1", changed, NOW)
        assert status_and_code(refused) == (409, "key-exists")


@pytest.mark.parametrize("text", ["x" * 19, "x" * 201, "with a space inside it", "ümlaut-ümlaut-ümlaut"])
def test_a_key_has_20_to_200_printable_ascii_characters(text: str) -> None:
    """Any other text is 422, because no header could carry it or it would be too easy to guess."""
    with pytest.raises(RefusedError) as refused:
        add(FakeKeys(), text)
    assert status_and_code(refused) == (422, "bad-key")


def test_a_key_that_would_be_expired_already_is_refused() -> None:
    """An `expiresAt` that is not in the future is 422."""
    with pytest.raises(RefusedError) as refused:
        add(FakeKeys(), expires_at=NOW)
    assert status_and_code(refused) == (422, "expired")


def test_the_last_valid_admin_key_cannot_be_revoked() -> None:
    """Revoking it is 409, and it stays. With another admin key that has not expired it can be revoked."""
    store = FakeKeys()
    admin = add(store, "a" * 20, "admin")
    add(store, "e" * 20)
    add(store, "x" * 20, "admin", expires_at=NOW + timedelta(days=1))
    with pytest.raises(RefusedError) as refused:
        keys.remove(store, "w1", admin.id, NOW + timedelta(days=2))
    assert status_and_code(refused) == (409, "last-admin-key")
    assert store.find(admin.hash) == admin
    keys.remove(store, "w1", admin.id, NOW)
    assert store.find(admin.hash) is None


def test_a_key_of_another_workspace_cannot_be_revoked() -> None:
    """It is 404, like a key that does not exist, and it stays."""
    store = FakeKeys()
    key = add(store)
    with pytest.raises(RefusedError) as refused:
        keys.remove(store, "w2", key.id, NOW)
    assert status_and_code(refused) == (404, "not-found")
    assert store.find(key.hash) is not None


@pytest.mark.parametrize("given", [None, TEXT])
def test_a_workspace_is_created_with_an_admin_key(given: str | None) -> None:
    """The key is the given one or a random one, and has the scope `admin`."""
    operator = administration()
    workspace, key = operator.create_workspace("Acme", given, NOW)
    assert (workspace, key) == ("w_9", given or RANDOM_KEY)
    assert operator.workspaces.created_at("w_9") == NOW
    assert [(each.workspace, each.name, each.scopes) for each in operator.keys.all("w_9")] == [
        ("w_9", "first admin key", frozenset({"admin"})),
    ]


@pytest.mark.parametrize("given", [None, TEXT])
def test_a_further_key_is_created_in_an_existing_workspace_only(given: str | None) -> None:
    """The key has the given scopes and name. In an unknown workspace nothing is created."""
    operator = administration()
    with pytest.raises(LookupError):
        operator.create_key("w_9", {"events"}, "app", given, NOW)
    assert list(operator.keys.all("w_9")) == []
    operator.create_workspace("Acme", "a" * 20, NOW)
    assert operator.create_key("w_9", {"events"}, "app", given, NOW) == (given or RANDOM_KEY)
    key = operator.keys.find(key_hash(given or RANDOM_KEY))
    assert key is not None
    assert (key.workspace, key.name, key.scopes) == ("w_9", "app", frozenset({"events"}))
