"""The settings of workspaces: one row of the workspaces table for each workspace that has any."""

from __future__ import annotations

from dataclasses import dataclass

from waypost.adapters.dynamodb.conditions import if_revision
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table
from waypost.domain.errors import StaleError
from waypost.domain.messages.workspace_settings import StoredSettings, WorkspaceSettings
from waypost.domain.values import exact_json


@dataclass(frozen=True, slots=True)
class DynamoWorkspaceSettings:
    """The settings of all workspaces."""

    table: Table

    def read(self, workspace: str) -> StoredSettings:
        """The settings of the workspace; the default ones with revision 0 if none were stored."""
        item = self.table.get(_key(workspace))
        if item is None:
            return StoredSettings(WorkspaceSettings(), 0)
        # A newer release may have stored settings that this one does not know. After a rollback they must not stop every e-mail.
        known = {field.alias for field in WorkspaceSettings.model_fields.values()}
        stored = {name: value for name, value in exact_json.loads(item["json"]).items() if name in known}
        return StoredSettings(WorkspaceSettings.model_validate(stored), item["rev"])

    def save(self, workspace: str, settings: WorkspaceSettings, revision: int) -> int:
        """Replaces the settings of this revision and returns the new revision. StaleError if there is another revision by now."""
        # Without defaults: a setting that nobody uses does not change the row. `senders` was always written.
        stored = {"senders": list(settings.senders), **settings.model_dump(by_alias=True, mode="json", exclude_defaults=True)}
        item = {**_key(workspace), "json": exact_json.dumps(stored, ascii_only=False), "rev": revision + 1}
        failed = self.table.put_if(item, **if_revision(revision))
        # botocore repeats a write whose answer was lost, and the repeat fails on the row that the first one wrote.
        if failed is not None and failed.item != item:
            raise StaleError("the settings were changed at the same time")
        return revision + 1


def _key(workspace: str) -> Item:
    return {"workspace": workspace, "row": "settings"}
