"""The keys table: partition key `hash`, the SHA-256 of an API key; an index by workspace serves the list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from waypost.adapters.dynamodb.conditions import FailedCondition, if_absent
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table
from waypost.domain.api_keys import Key, Scope
from waypost.domain.errors import StaleError
from waypost.domain.values.wire_time import instant, iso


@dataclass(frozen=True, slots=True)
class DynamoKeys:
    """The API keys of all workspaces."""

    table: Table

    def find(self, key_hash: str) -> Key | None:
        """The key with this hash, or None."""
        item = self.table.get({"hash": key_hash})
        return _from_item(item) if item else None

    def add(self, key: Key) -> None:
        """Stores a new key. StaleError if its hash is stored already, in this or another workspace."""
        # The condition spans all workspaces, because the hash is the whole key. Without it, the import of a known key would move the apps
        # that use it to the workspace of the importer.
        if self.table.put_if(_to_item(key), **if_absent("hash")):
            raise StaleError("this key exists")

    def remove(self, key_hash: str) -> None:
        """Deletes a key, which revokes it."""
        self.table.delete({"hash": key_hash})

    def all(self, workspace: str) -> Iterator[Key]:
        """The keys of a workspace, newest first. The index lags writes by moments."""
        items = self.table.query_all("workspace = :w", {":w": workspace}, IndexName="byWorkspace", ScanIndexForward=False)
        return (_from_item(item) for item in items)

    def used(self, key_hash: str, day: str) -> None:
        """Records the day (`2026-11-23`) on which a key was used last. StaleError if the key does not exist any more."""
        # An update creates the row that it does not find: without the condition, a revoked key would come back as a row without scopes.
        changed = self.table.update_if(
            {"hash": key_hash},
            UpdateExpression="SET lastUsedOn = :day",
            ConditionExpression="attribute_exists(#h)",
            ExpressionAttributeNames={"#h": "hash"},
            ExpressionAttributeValues={":day": day},
        )
        if isinstance(changed, FailedCondition):
            raise StaleError("this key is gone")


def _to_item(key: Key) -> Item:
    return {
        "hash": key.hash,
        "id": key.id,
        "workspace": key.workspace,
        "prefix": key.prefix,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "createdAt": iso(key.created_at),
        "expiresAt": iso(key.expires_at) if key.expires_at else None,
        "lastUsedOn": key.last_used_on,
    }


def _from_item(item: Item) -> Key:
    return Key(
        id=item["id"],
        workspace=item["workspace"],
        hash=item["hash"],
        prefix=item["prefix"],
        name=item["name"],
        scopes=frozenset(cast("list[Scope]", item["scopes"])),
        created_at=instant(item["createdAt"]),
        expires_at=instant(item["expiresAt"]) if "expiresAt" in item else None,
        last_used_on=item.get("lastUsedOn"),
    )
