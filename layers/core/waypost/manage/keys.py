"""API keys of a workspace: added, imported, listed and revoked (docs/api.md#keys)."""

from __future__ import annotations

from collections.abc import Collection
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
from waypost.ports import ManagedKeys

PREFIX_LENGTH: Final = 8


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to add. `text` is the secret itself, which is not stored."""

    text: str
    name: str
    scopes: Collection[Scope]
    expires_at: datetime | None = None


def add(keys: ManagedKeys, workspace: str, new: NewKey, now: datetime) -> Key:
    """Stores the hash of a key.

    A repeat returns the key that is stored: a client that lost the response can send the request again, and botocore does so by itself.
    RefusedError 422 if the text is not a well-formed key or the key would be expired already, 409 if the key exists in another workspace
    or with another name, scopes or expiry.
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
        stored = keys.find(hashed)
        if stored is None or _as_requested(stored) != _as_requested(key):
            raise RefusedError(409, "key-exists", "This key exists already; a key belongs to one workspace.") from None
        return stored
    return key


def _as_requested(key: Key) -> tuple[str, str, frozenset[Scope], datetime | None]:
    """What the request for a key determines; the time of its creation and its last use differ between a key and its repeat."""
    return key.workspace, key.name, key.scopes, key.expires_at


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
