"""The workspaces table: partition key `workspace`, sort key `row`; here the rows with the name of a workspace and with its schema."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from waypost.adapters.dynamodb.conditions import if_absent, if_text
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table
from waypost.domain.customers.schema import Schema, StoredSchema
from waypost.domain.errors import StaleError
from waypost.domain.values import exact_json
from waypost.domain.values.wire_time import instant


@dataclass(frozen=True, slots=True)
class DynamoWorkspaces:
    """All workspaces and their schemas."""

    table: Table

    def add(self, workspace: str, name: str, created_at: str) -> None:
        """Creates a workspace. StaleError if there is one with this id."""
        # The tombstone key must never change, or the tombstones of erased customers could not be found again. The condition protects it.
        item = {**_key(workspace, "workspace"), "name": name, "createdAt": created_at, "tombstoneKey": secrets.token_bytes(32)}
        failed = self.table.put_if(item, **if_absent("workspace"))
        # After a lost answer botocore repeats the write, which fails on the row of the first one. The random key says whose row it is.
        if failed and (failed.item is None or bytes(failed.item["tombstoneKey"]) != item["tombstoneKey"]):
            raise StaleError("this workspace exists")

    def created_at(self, workspace: str) -> datetime:
        """The time at which the workspace was created. LookupError if it does not exist."""
        return instant(self._get(workspace)["createdAt"])

    def tombstone_key(self, workspace: str) -> bytes:
        """The secret key of the hashes of erased customers' identifiers; it never changes. LookupError if there is no such workspace."""
        return bytes(self._get(workspace)["tombstoneKey"])

    def _get(self, workspace: str) -> Item:
        item = self.table.get(_key(workspace, "workspace"))
        if item is None:
            raise LookupError(f"workspace {workspace}")
        return item

    def schema(self, workspace: str) -> Schema:
        """The schema of the workspace; the empty one if none was saved."""
        return self.stored_schema(workspace).schema

    def stored_schema(self, workspace: str) -> StoredSchema:
        """The schema of the workspace, and the JSON text that the table holds of it. Both are empty if none was saved."""
        item = self.table.get(_key(workspace, "schema"))
        return StoredSchema(Schema.stored(exact_json.loads(item["json"])), item["json"]) if item else StoredSchema(Schema(), "")

    def save_schema(self, workspace: str, schema: Schema, replaced: StoredSchema | None = None) -> StoredSchema:
        """Replaces the schema of the workspace: the schema `replaced`, or any. StaleError if another one is stored by now."""
        item = {**_key(workspace, "schema"), "json": schema.model_dump_json(by_alias=True)}
        if replaced is None:
            self.table.put(item)
        else:
            # The row has no revision, and releases before this one write it without: its text says which schema a client has seen.
            failed = self.table.put_if(item, **if_text("json", replaced.text))
            # botocore repeats a write whose answer was lost, and the repeat fails on the row that the first one wrote.
            if failed is not None and failed.item != item:
                raise StaleError("the schema was changed at the same time")
        return StoredSchema(schema, item["json"])


def _key(workspace: str, row: str) -> Item:
    return {"workspace": workspace, "row": row}
