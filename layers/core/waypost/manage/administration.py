"""What the operator of a stack creates: workspaces, each with its first key, and further keys (docs/deploy.md#first-workspace-and-keys)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from waypost.domain.api_keys import Scope
from waypost.domain.errors import RefusedError, StaleError
from waypost.domain.values.wire_time import iso
from waypost.manage import keys
from waypost.ports import ManagedKeys, ManagedWorkspaces

# The id is the message group of the send queue and the value of a tag of SES, which both take letters, digits and `_`.
_WORKSPACE_ID: Final = re.compile(r"w_[0-9a-z]{1,32}")


@dataclass(frozen=True, slots=True)
class WorkspaceAdministration:
    """Creates workspaces and keys for the operator of a stack, who has no key to call the API with yet."""

    workspaces: ManagedWorkspaces
    keys: ManagedKeys
    random_workspace_id: Callable[[], str]
    random_key: Callable[[], str]

    def create_workspace(self, name: str, key: str | None, now: datetime, workspace_id: str | None = None) -> tuple[str, str]:
        """Creates a workspace with an admin key; its id and its key are the given ones or random ones. Returns the id and the key.

        RefusedError 422 if the id is not well-formed, 409 if it is taken. RefusedError as `keys.add` as well; the workspace then exists
        without a key, and nobody can use it until `create_key` adds one.
        """
        workspace, text = workspace_id or self.random_workspace_id(), key or self.random_key()
        if not _WORKSPACE_ID.fullmatch(workspace):
            raise RefusedError(422, "bad-workspace-id", "A workspace id is w_ and 1 to 32 lower-case letters and digits.")
        try:
            self.workspaces.add(workspace, name, iso(now))
        except StaleError:
            raise RefusedError(409, "workspace-exists", f"There is a workspace {workspace} already; a key can be added to it.") from None
        keys.add(self.keys, workspace, keys.NewKey(text, "first admin key", {"admin"}), now)
        return workspace, text

    def create_key(self, workspace: str, scopes: Collection[Scope], name: str, key: str | None, now: datetime) -> str:
        """Adds a key, which is `key` or a random one, to a workspace, and returns it. LookupError if there is no such workspace."""
        self.workspaces.created_at(workspace)
        text = key or self.random_key()
        keys.add(self.keys, workspace, keys.NewKey(text, name, scopes), now)
        return text
