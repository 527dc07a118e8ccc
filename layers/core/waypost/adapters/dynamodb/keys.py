"""The keys table: HASH sha256 of the key; GSI by workspace for the list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from waypost.adapters.dynamodb.table import Item, Refused, Table
from waypost.domain.api_keys import Key, Scope
from waypost.domain.errors import StaleError
from waypost.domain.values.wire_time import instant, iso


@dataclass(frozen=True, slots=True)
class DynamoKeys:
    """API keys by their hash."""

    table: Table

    def find(self, key_hash: str) -> Key | None:
        """The key, or None."""
        item = self.table.get({"hash": key_hash})
        return _key(item) if item else None

    def add(self, key: Key) -> None:
        """Stores a new key; StaleError where its hash is there already, in whatever workspace."""
        if self.table.put(_item(key), ConditionExpression="attribute_not_exists(#h)", ExpressionAttributeNames={"#h": "hash"}):
            raise StaleError("this key exists")

    def remove(self, key_hash: str) -> None:
        """Revokes a key."""
        self.table.delete({"hash": key_hash})

    def all(self, workspace: str) -> Iterator[Key]:
        """The workspace's keys, newest first; the list lags writes by moments."""
        items = self.table.query_all("workspace = :w", {":w": workspace}, IndexName="byWorkspace", ScanIndexForward=False)
        return (_key(item) for item in items)

    def used(self, key_hash: str, day: str) -> None:
        """Notes the day on which a key was last used."""
        changed = self.table.update(
            {"hash": key_hash},
            UpdateExpression="SET lastUsedOn = :day",
            ConditionExpression="attribute_exists(#h)",
            ExpressionAttributeNames={"#h": "hash"},
            ExpressionAttributeValues={":day": day},
        )
        if isinstance(changed, Refused):
            raise StaleError("this key is gone")


def _item(key: Key) -> Item:
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


def _key(item: Item) -> Key:
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
