"""API keys of a workspace: added, imported, listed and revoked; and workspaces, each created with its first key (docs/api.md#keys)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from waypost.domain.api_keys import KEY_PATTERN, Key, Scope, key_hash
from waypost.domain.errors import RefusedError, StaleError
from waypost.domain.values.wire_time import iso
from waypost.manage.api import ApiRequest
from waypost.manage.pagination import in_memory_source, read_page
from waypost.manage.requests import KeyQuery, NewKeyBody, NoQuery
from waypost.manage.responses.lists import ListResponse
from waypost.manage.responses.workspaces import KeyResponse, NewKeyResponse
from waypost.ports import ManagedKeys, ManagedWorkspaces

PREFIX_LENGTH: Final = 8

# The id is the message group of the send queue and the value of a tag of SES, which both take letters, digits and `_`.
_WORKSPACE_ID: Final = re.compile(r"w_[0-9a-z]{1,32}")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to add. `text` is the secret itself, which is not stored."""

    text: str
    name: str
    scopes: Collection[Scope]
    expires_at: datetime | None = None


def add(keys: ManagedKeys, workspace: str, new: NewKey, now: datetime) -> Key:
    """Stores the hash of a key.

    RefusedError 422 if the text is not a well-formed key or the key would be expired already, 409 if the key exists in any workspace.
    """
    if not KEY_PATTERN.fullmatch(new.text):
        raise RefusedError(422, "bad-key", "A key has 20 to 200 printable ASCII characters without spaces.", pointer="/key")
    if new.expires_at is not None and new.expires_at <= now:
        raise RefusedError(422, "expired", "`expiresAt` is in the past.", pointer="/expiresAt")
    hashed = key_hash(new.text)
    key = Key(hashed, workspace, hashed, new.text[:PREFIX_LENGTH], new.name, frozenset(new.scopes), now, new.expires_at)
    try:
        keys.add(key)
    except StaleError:
        raise RefusedError(409, "key-exists", "This key exists already; a key belongs to one workspace.") from None
    return key


def remove(keys: ManagedKeys, workspace: str, key_id: str, now: datetime) -> None:
    """Revokes a key. RefusedError 404 if the workspace has no such key, 409 for its last valid admin key.

    The id of a key is its hash, so the key is read with strong consistency although the list of keys lags behind.
    """
    key = keys.find(key_id)
    if key is None or key.workspace != workspace:
        raise RefusedError(404, "not-found", "There is no key with this id.")
    if key.allows("admin") and key.is_live(now) and not _has_other_admin_key(keys, key, now):
        raise RefusedError(409, "last-admin-key", "This is the workspace's last admin key; add another one first.")
    keys.remove(key.hash)


def position(key: Key) -> str:
    """The key's position in lists, which sorts by creation."""
    return f"{iso(key.created_at)}#{key.id}"


def _has_other_admin_key(keys: ManagedKeys, key: Key, now: datetime) -> bool:
    return any(other.allows("admin") and other.is_live(now) for other in keys.all(key.workspace) if other.hash != key.hash)


@dataclass(frozen=True, slots=True)
class WorkspaceAdministration:
    """Creates workspaces and keys for the operator of a stack, who has no key to call the API with yet."""

    workspaces: ManagedWorkspaces
    keys: ManagedKeys
    random_workspace_id: Callable[[], str]
    random_key: Callable[[], str]

    def create_workspace(self, name: str, key: str | None, now: datetime, workspace_id: str | None = None) -> tuple[str, str]:
        """Creates a workspace with an admin key; its id and its key are the given ones or random ones. Returns the id and the key.

        RefusedError 422 if the id is not well-formed, 409 if it is taken. RefusedError as `add` as well; the workspace then exists
        without a key, and nobody can use it until `create_key` adds one.
        """
        workspace, text = workspace_id or self.random_workspace_id(), key or self.random_key()
        if not _WORKSPACE_ID.fullmatch(workspace):
            raise RefusedError(422, "bad-workspace-id", "A workspace id is w_ and 1 to 32 lower-case letters and digits.")
        try:
            self.workspaces.add(workspace, name, iso(now))
        except StaleError:
            raise RefusedError(409, "workspace-exists", f"There is a workspace {workspace} already; a key can be added to it.") from None
        add(self.keys, workspace, NewKey(text, "first admin key", {"admin"}), now)
        return workspace, text

    def create_key(self, workspace: str, scopes: Collection[Scope], name: str, key: str | None, now: datetime) -> str:
        """Adds a key, which is `key` or a random one, to a workspace, and returns it. LookupError if there is no such workspace."""
        self.workspaces.created_at(workspace)
        text = key or self.random_key()
        add(self.keys, workspace, NewKey(text, name, scopes), now)
        return text


def list_keys(request: ApiRequest[KeyQuery, None]) -> ListResponse[KeyResponse]:
    """`GET /api/keys`."""
    source = in_memory_source(request.dependencies.keys.all(request.workspace), position)
    return ListResponse.of(read_page(source, position, request.workspace, request.query), _response)


def add_key(request: ApiRequest[NoQuery, NewKeyBody]) -> NewKeyResponse:
    """`POST /api/keys`."""
    body, dependencies = request.body, request.dependencies
    new = NewKey(body.key or dependencies.random_key(), body.name, body.scopes, body.expires_at)
    key = add(dependencies.keys, request.workspace, new, request.now)
    return NewKeyResponse(**dict(_response(key)), key=new.text)


def remove_key(request: ApiRequest[NoQuery, None]) -> None:
    """`DELETE /api/keys/{id}`."""
    remove(request.dependencies.keys, request.workspace, request.variables["id"], request.now)


def _response(key: Key) -> KeyResponse:
    return KeyResponse.model_validate(key, from_attributes=True)
