"""API keys of a workspace: made, imported, listed, revoked; and the first one, with its workspace (contract 1.2, 5)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from waypost.domain.api_keys import KEY, Key, Scope, key_hash
from waypost.domain.errors import RefusedError, StaleError
from waypost.domain.values.wire_time import iso
from waypost.ports import ManagedKeys, ManagedWorkspaces

PREFIX_LENGTH: Final = 8
_ADMIN: Final[frozenset[Scope]] = frozenset({"admin"})


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that is to be made: `text` is the secret itself, which nobody keeps."""

    text: str
    name: str
    scopes: Collection[Scope]
    expires_at: datetime | None = None


def add(keys: ManagedKeys, workspace: str, asked: NewKey, now: datetime) -> Key:
    """Stores a key's hash. RefusedError 422 for a text that is no key, 409 for one that exists anywhere."""
    if not KEY.fullmatch(asked.text):
        raise RefusedError(422, "bad-key", "A key has 20 to 200 printable ASCII characters without spaces.", pointer="/key")
    if asked.expires_at is not None and asked.expires_at <= now:
        raise RefusedError(422, "expired", "`expiresAt` lies in the past.", pointer="/expiresAt")
    hashed = key_hash(asked.text)
    key = Key(hashed, workspace, hashed, asked.text[:PREFIX_LENGTH], asked.name, frozenset(asked.scopes), now, asked.expires_at)
    try:
        keys.add(key)
    except StaleError:
        raise RefusedError(409, "key-exists", "This key exists already; a key belongs to one workspace.") from None
    return key


def position(key: Key) -> str:
    """A key's place in lists."""
    return f"{iso(key.created_at)}#{key.id}"


def remove(keys: ManagedKeys, workspace: str, key_id: str, now: datetime) -> None:
    """Revokes a key; a key's id is its hash, so the read is strong. RefusedError 404, or 409 for the last live admin key."""
    key = keys.find(key_id)
    if key is None or key.workspace != workspace:
        raise RefusedError(404, "not-found", "There is no key with this id.")
    if key.allows("admin") and key.is_live(now) and not _others_manage(keys, key, now):
        raise RefusedError(409, "last-admin-key", "This is the workspace's last admin key; add another one first.")
    keys.remove(key.hash)


def _others_manage(keys: ManagedKeys, key: Key, now: datetime) -> bool:
    return any(other.allows("admin") and other.is_live(now) for other in keys.all(key.workspace) if other.hash != key.hash)


def create_workspace(workspaces: ManagedWorkspaces, keys: ManagedKeys, workspace: str, name: str, text: str, now: datetime) -> Key:
    """Makes a workspace with its first admin key. RefusedError as `add`; the workspace is then one that nobody can enter."""
    workspaces.add(workspace, name, iso(now))
    return add(keys, workspace, NewKey(text, "first admin key", _ADMIN), now)
