"""Suppressed addresses: rows of the workspaces table that hold a hash in place of the address."""

from __future__ import annotations

from dataclasses import dataclass

from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.values.generated_ids import digest


@dataclass(frozen=True, slots=True)
class DynamoSuppressions:
    """The addresses of all workspaces to which nothing is sent any more (docs/messages.md#suppressions)."""

    table: Table

    def holds(self, workspace: str, channel: str, address: str) -> bool:
        """Whether this address is suppressed on this channel."""
        return self.table.get(_key(workspace, channel, address)) is not None

    def add(self, workspace: str, channel: str, address: str) -> None:
        """Suppresses an address on a channel; a second time changes nothing."""
        self.table.put(_key(workspace, channel, address))


def _key(workspace: str, channel: str, address: str) -> Item:
    comparable = step_class(channel).comparable_address(address)
    return {"workspace": workspace, "row": f"suppressed/{channel}/{digest('address', comparable)}"}
