"""Ports of what belongs to a workspace as a whole: API keys, the schema, the webhook secrets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from waypost.domain.api_keys import Key
from waypost.domain.customers.schema import Schema, StoredSchema
from waypost.domain.messages.links import SigningKey
from waypost.domain.messages.webhook_signatures import WebhookSecrets
from waypost.domain.messages.workspace_settings import StoredSettings, WorkspaceSettings


class Keys(Protocol):
    """API keys by their hash."""

    def find(self, key_hash: str) -> Key | None:
        """The key with this hash, or None."""

    def used(self, key_hash: str, day: str) -> None:
        """Records the day (`YYYY-MM-DD`, UTC) on which a key was last used. StaleError if the key no longer exists."""


class ManagedKeys(Keys, Protocol):
    """API keys as the management API adds, lists and revokes them."""

    def add(self, key: Key) -> None:
        """Stores a new key. StaleError if its hash exists already, in this or another workspace."""

    def remove(self, key_hash: str) -> None:
        """Revokes a key."""

    def all(self, workspace: str) -> Iterator[Key]:
        """The keys of the workspace, newest first. The list lags writes by moments."""


class Workspaces(Protocol):
    """The settings of workspaces."""

    def schema(self, workspace: str) -> Schema:
        """The schema of the workspace; the empty schema if none was saved."""


class ManagedWorkspaces(Workspaces, Protocol):
    """Workspaces as the management API creates and changes them."""

    def add(self, workspace: str, name: str, created_at: str) -> None:
        """Creates a workspace. StaleError if its id is taken."""

    def created_at(self, workspace: str) -> datetime:
        """When the workspace was created. LookupError if it does not exist."""

    def stored_schema(self, workspace: str) -> StoredSchema:
        """The schema of the workspace, and the JSON text that the table holds of it. Both are empty if none was saved."""

    def save_schema(self, workspace: str, schema: Schema, replaced: StoredSchema | None = None) -> StoredSchema:
        """Replaces the schema of the workspace: the schema `replaced`, or any. StaleError if another one is stored by now."""


class SenderSettings(Protocol):
    """The settings that the administrators of a workspace change (docs/api.md#settings)."""

    def read(self, workspace: str) -> StoredSettings:
        """The settings with their revision; the default ones with revision 0 if none were stored."""


class ManagedWorkspaceSettings(SenderSettings, Protocol):
    """The settings as the management API changes them."""

    def save(self, workspace: str, settings: WorkspaceSettings, revision: int) -> int:
        """Replaces the settings of this revision; returns the new revision. StaleError if there is another one by now."""


class SentTests(Protocol):
    """How many tests of templates workspaces have sent (docs/api.md#previews-and-tests)."""

    def count(self, workspace: str, now: datetime) -> timedelta | None:
        """Counts one test and returns None; or counts nothing and returns how long the workspace has to wait for its next test."""


class ManagedWebhookSecrets(Protocol):
    """The secrets that sign webhooks (docs/messages.md#signatures)."""

    def of(self, workspace: str, now: datetime) -> WebhookSecrets:
        """The secrets of the workspace. The first read creates them."""

    def rotate(self, workspace: str, now: datetime) -> WebhookSecrets:
        """A new secret; the old one stays valid beside it for a day. A rotation of the last minute is returned as it is."""


class LinkKeys(Protocol):
    """The keys that sign the links in messages (docs/messages.md#links), newest first."""

    def of(self, workspace: str, now: datetime) -> Sequence[SigningKey]:
        """The keys of the workspace. The first read creates one."""

    def read(self, workspace: str) -> Sequence[SigningKey]:
        """The keys of the workspace; none if there are none. It creates nothing."""


class ManagedLinkKeys(LinkKeys, Protocol):
    """The same as the management API rotates them."""

    def rotate(self, workspace: str, now: datetime) -> SigningKey:
        """A new key for the links of later messages. A rotation of the last minute is returned as it is. StaleError after a lost race."""
