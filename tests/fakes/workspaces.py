"""The workspaces table in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from waypost.domain.customers.schema import Schema
from waypost.domain.errors import StaleError, UnavailableError


@dataclass
class FakeWorkspaces:
    """Schemas by workspace; `asked` counts the reads, `down` is an outage."""

    schemas: dict[str, Schema] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    down: bool = False

    def add(self, workspace: str, name: str, created_at: str) -> None:
        if workspace in self.names:
            raise StaleError("this workspace exists")
        self.names[workspace] = name

    def schema(self, workspace: str) -> Schema:
        self.asked += 1
        if self.down:
            raise UnavailableError("the workspaces table is down")
        return self.schemas.get(workspace, Schema())

    def save_schema(self, workspace: str, schema: Schema) -> None:
        self.schemas[workspace] = schema
