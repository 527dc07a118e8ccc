"""Addresses that get nothing any more, as rows of their workspace that hold a hash and no address."""

from __future__ import annotations

from dataclasses import dataclass

from waypost.adapters.dynamodb.table import Item, Table
from waypost.domain.values.generated_ids import digest


@dataclass(frozen=True, slots=True)
class DynamoSuppressions:
    """The suppressed addresses of all workspaces."""

    table: Table

    def holds(self, workspace: str, channel: str, address: str) -> bool:
        """Whether this address is suppressed."""
        return self.table.get(_key(workspace, channel, address)) is not None

    def add(self, workspace: str, channel: str, address: str) -> None:
        """Suppresses an address; once or twice is the same."""
        self.table.put(_key(workspace, channel, address))


def _key(workspace: str, channel: str, address: str) -> Item:
    folded = address.strip().lower() if channel == "email" else address.strip()
    return {"workspace": workspace, "row": f"suppressed/{channel}/{digest('address', folded)}"}
