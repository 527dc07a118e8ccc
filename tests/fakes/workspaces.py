"""The workspaces table in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from waypost.domain.customers.schema import Schema, StoredSchema
from waypost.domain.errors import StaleError, UnavailableError
from waypost.domain.messages.workspace_settings import StoredSettings, WorkspaceSettings
from waypost.domain.values.wire_time import instant


@dataclass
class FakeWorkspaceSettings:
    """Settings by workspace; `reads` counts the reads, `down` is an outage."""

    stored: dict[str, StoredSettings] = field(default_factory=dict)
    down: bool = False
    reads: int = 0

    def allow(self, workspace: str, *senders: str) -> None:
        """Stores these senders."""
        self.save(workspace, WorkspaceSettings(senders=senders), self.read(workspace).revision)

    def read(self, workspace: str) -> StoredSettings:
        self.reads += 1
        if self.down:
            raise UnavailableError("the settings are down")
        return self.stored.get(workspace, StoredSettings(WorkspaceSettings(), 0))

    def save(self, workspace: str, settings: WorkspaceSettings, revision: int) -> int:
        if self.stored.get(workspace, StoredSettings(WorkspaceSettings(), 0)).revision != revision:
            raise StaleError("another revision")
        self.stored[workspace] = StoredSettings(settings, revision + 1)
        return revision + 1


@dataclass
class FakeWorkspaces:
    """Schemas, names and creation times by workspace; `reads` counts the reads of schemas, `down` is an outage."""

    schemas: dict[str, Schema] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    created: dict[str, str] = field(default_factory=dict)
    reads: int = 0
    down: bool = False

    def add(self, workspace: str, name: str, created_at: str) -> None:
        if workspace in self.names:
            raise StaleError("this workspace exists")
        self.names[workspace], self.created[workspace] = name, created_at

    def created_at(self, workspace: str) -> datetime:
        if workspace not in self.created:
            raise LookupError(f"there is no workspace {workspace}")
        return instant(self.created[workspace])

    def schema(self, workspace: str) -> Schema:
        self.reads += 1
        if self.down:
            raise UnavailableError("the workspaces table is down")
        return self.schemas.get(workspace, Schema())

    def stored_schema(self, workspace: str) -> StoredSchema:
        found = self.schemas.get(workspace)
        return StoredSchema(found or Schema(), found.model_dump_json(by_alias=True) if found else "")

    def save_schema(self, workspace: str, schema: Schema, replaced: StoredSchema | None = None) -> StoredSchema:
        if replaced is not None and self.stored_schema(workspace).text not in (replaced.text, schema.model_dump_json(by_alias=True)):
            raise StaleError("the schema was changed at the same time")
        self.schemas[workspace] = schema
        return self.stored_schema(workspace)
