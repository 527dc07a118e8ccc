"""The workspaces table: HASH workspace, RANGE what is set once for it (its name, its schema)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from waypost.adapters.dynamodb.table import Table
from waypost.domain.customers.schema import Schema
from waypost.domain.errors import StaleError
from waypost.domain.values import exact_json
from waypost.domain.values.wire_time import instant


@dataclass(frozen=True, slots=True)
class DynamoWorkspaces:
    """What is set once for a workspace."""

    table: Table

    def add(self, workspace: str, name: str, created_at: str) -> None:
        """Makes a workspace; StaleError where its id is taken."""
        row = {"workspace": workspace, "row": "workspace", "name": name, "createdAt": created_at}
        item = {**row, "tombstoneKey": secrets.token_bytes(32)}
        if self.table.put(item, ConditionExpression="attribute_not_exists(workspace)"):
            raise StaleError("this workspace exists")

    def created_at(self, workspace: str) -> datetime:
        """When the workspace was made; LookupError where there is no such workspace."""
        item = self.table.get({"workspace": workspace, "row": "workspace"})
        if item is None:
            raise LookupError(f"workspace {workspace}")
        return instant(item["createdAt"])

    def tombstone_key(self, workspace: str) -> bytes:
        """The key under which the names of erased customers are hashed; it never changes."""
        item = self.table.get({"workspace": workspace, "row": "workspace"})
        if item is None:
            raise LookupError(f"workspace {workspace}")
        return bytes(item["tombstoneKey"])

    def schema(self, workspace: str) -> Schema:
        """The workspace's schema; the empty one where none was saved."""
        item = self.table.get({"workspace": workspace, "row": "schema"})
        return Schema.model_validate(exact_json.loads(item["json"])) if item else Schema()

    def save_schema(self, workspace: str, schema: Schema) -> None:
        """Saves the workspace's schema over the one before."""
        self.table.put({"workspace": workspace, "row": "schema", "json": schema.model_dump_json(by_alias=True)})
